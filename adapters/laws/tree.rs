//! A JSON text as a tree that a law can change in one place: members in their order, scalars as they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value. Numbers and texts keep their raw form: `70.00` stays `70.00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Object(Vec<(String, Tree)>),
    Array(Vec<Tree>),
    Scalar(String),
}

/// Where a value is: the member or element number on each level.
pub(super) type Site = Vec<usize>;

impl Tree {
    /// `None` if it is not JSON.
    pub(super) fn parse(body: &[u8]) -> Option<Tree> {
        serde_json::from_slice::<&RawValue>(body).ok().map(|raw| Tree::of(raw.get()))
    }

    fn of(raw: &str) -> Tree {
        match raw.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(raw).unwrap();
                Tree::Object(members.into_iter().map(|(name, raw)| (name, Tree::of(raw.get()))).collect())
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(raw).unwrap();
                Tree::Array(elements.into_iter().map(|raw| Tree::of(raw.get())).collect())
            }
            _ => Tree::Scalar(raw.to_owned()),
        }
    }

    /// Every value's place, parents before their children.
    pub(super) fn sites(&self) -> Vec<Site> {
        let mut sites = vec![Site::new()];
        let children: Vec<&Tree> = match self {
            Tree::Object(members) => members.iter().map(|(_, value)| value).collect(),
            Tree::Array(elements) => elements.iter().collect(),
            Tree::Scalar(_) => Vec::new(),
        };
        for (number, child) in children.into_iter().enumerate() {
            sites.extend(child.sites().into_iter().map(|site| [vec![number], site].concat()));
        }
        sites
    }

    pub(super) fn at(&self, site: &[usize]) -> &Tree {
        site.iter().fold(self, |tree, number| match tree {
            Tree::Object(members) => &members[*number].1,
            Tree::Array(elements) => &elements[*number],
            Tree::Scalar(raw) => panic!("nothing is inside {raw}"),
        })
    }

    fn at_mut(&mut self, site: &[usize]) -> &mut Tree {
        site.iter().fold(self, |tree, number| match tree {
            Tree::Object(members) => &mut members[*number].1,
            Tree::Array(elements) => &mut elements[*number],
            Tree::Scalar(raw) => panic!("nothing is inside {raw}"),
        })
    }

    /// This tree with one value replaced by raw JSON.
    pub(super) fn replaced(&self, site: &[usize], raw: &str) -> Tree {
        let mut tree = self.clone();
        *tree.at_mut(site) = Tree::Scalar(raw.to_owned());
        tree
    }

    /// This tree with one more member at the beginning of an object.
    pub(super) fn with_member(&self, site: &[usize], name: &str, raw: &str) -> Tree {
        let mut tree = self.clone();
        match tree.at_mut(site) {
            Tree::Object(members) => members.insert(0, (name.to_owned(), Tree::Scalar(raw.to_owned()))),
            Tree::Array(_) | Tree::Scalar(_) => panic!("only an object has members"),
        }
        tree
    }

    /// This tree without one member of an object; `None` if what is there is no member.
    pub(super) fn without(&self, site: &[usize]) -> Option<Tree> {
        let (number, parent) = site.split_last()?;
        let mut tree = self.clone();
        match tree.at_mut(parent) {
            Tree::Object(members) => {
                members.remove(*number);
                Some(tree)
            }
            Tree::Array(_) | Tree::Scalar(_) => None,
        }
    }

    /// A place as an error names it: `a.b[0].c`, empty for the whole.
    pub(super) fn path(&self, site: &[usize]) -> String {
        let mut path = String::new();
        let mut tree = self;
        for number in site {
            match tree {
                Tree::Object(members) => {
                    let (name, value) = &members[*number];
                    path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    tree = value;
                }
                Tree::Array(elements) => {
                    path = format!("{path}[{number}]");
                    tree = &elements[*number];
                }
                Tree::Scalar(raw) => panic!("nothing is inside {raw}"),
            }
        }
        path
    }

    /// Whether an error's path names something here, or a member that could be here and is not.
    pub(super) fn knows(&self, path: &str) -> bool {
        path.is_empty() || self.leads(path) || self.leads(&format!(".{path}"))
    }

    /// As [`Tree::knows`], for what is behind a value's own path: `.b[0].c`, `[0].c` or nothing.
    fn leads(&self, tail: &str) -> bool {
        match (self, tail.strip_prefix('.'), tail.strip_prefix('[')) {
            (_, None, None) => tail.is_empty(),
            (Tree::Object(members), Some(rest), _) => {
                let behind = |name: &str| rest.strip_prefix(name).filter(|tail| tail.is_empty() || tail.starts_with(['.', '[']));
                let inside = members.iter().any(|(name, value)| behind(name).is_some_and(|tail| value.leads(tail)));
                inside || !rest.contains(['.', '['])
            }
            (Tree::Array(elements), _, Some(rest)) => {
                let (number, tail) = rest.split_once(']').unwrap_or((rest, "]"));
                let element = number.parse().ok().and_then(|number: usize| elements.get(number));
                element.is_some_and(|element| element.leads(tail))
            }
            // In the place of the object that the member is missing from.
            (Tree::Scalar(_), Some(rest), _) => !rest.contains(['.', '[']),
            (Tree::Object(_) | Tree::Scalar(_), None, Some(_)) | (Tree::Array(_), _, None) => false,
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::Scalar(raw) => f.write_str(raw),
            Tree::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", elements.join(","))
            }
            Tree::Object(members) => {
                let named = |(name, value): &(String, Tree)| format!("{}:{value}", serde_json::Value::from(name.as_str()));
                write!(f, "{{{}}}", members.iter().map(named).collect::<Vec<_>>().join(","))
            }
        }
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[test]
fn a_tree_is_changed_in_one_place() {
    let tree = Tree::parse(br#" { "a" : 70.00, "b" : [ { "c" : "x\n" } , null ] } "#).unwrap();
    assert_eq!(tree.to_string(), r#"{"a":70.00,"b":[{"c":"x\n"},null]}"#);
    let paths: Vec<String> = tree.sites().iter().map(|site| tree.path(site)).collect();
    assert_eq!(paths, ["", "a", "b", "b[0]", "b[0].c", "b[1]"]);
    assert_eq!(tree.replaced(&[1, 0, 0], "{}").to_string(), r#"{"a":70.00,"b":[{"c":{}},null]}"#);
    assert_eq!(tree.with_member(&[1, 0], "z", "1").to_string(), r#"{"a":70.00,"b":[{"z":1,"c":"x\n"},null]}"#);
    assert_eq!(tree.without(&[0]).unwrap().to_string(), r#"{"b":[{"c":"x\n"},null]}"#);
    assert_eq!(tree.without(&[1, 0]), None);
    assert!(tree.knows("b[0].c") && tree.knows("b[0].missing") && tree.knows("missing") && tree.knows(""));
    for nowhere in ["b[2].c", "z.c", "b[x]", "b[0", "b.c", "a[0]", "b[0].c.d.e", "[0]"] {
        assert!(!tree.knows(nowhere), "{nowhere}");
    }
    assert_eq!(Tree::parse(b"{"), None);
}
