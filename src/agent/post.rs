//! Mail, over SMTP. What is sent and whether it arrived is kept nowhere; an address is in no log.

use std::fmt;

use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::time::timeout;

use crate::config::SmtpConfig;

/// How long a mail server may take over a letter.
const SENDING_MAX: std::time::Duration = std::time::Duration::from_secs(10);

/// A way to send mail.
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    say: fn(&str),
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// What about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

impl Post {
    /// By what the configuration says. Connects to nobody yet.
    ///
    /// # Errors
    /// Something in it is not understood.
    pub fn new(smtp: &SmtpConfig, say: fn(&str)) -> Result<Self, String> {
        let url = std::str::from_utf8(smtp.url.expose()).map_err(|_| "agents.smtp.url: is not UTF-8".to_owned())?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| "agents.smtp.url: is not understood; write it like smtps://user:password@mail.example:465".to_owned())?
            .timeout(Some(SENDING_MAX))
            .build();
        let from = smtp.from.parse().map_err(|_| "agents.smtp.from: is not an address".to_owned())?;
        Ok(Post { transport, from, say })
    }

    /// Sends a letter; says whether the mail server took it.
    pub async fn send(&self, letter: Letter) -> bool {
        let Letter { to, subject, text } = letter;
        let Ok(to) = to.parse() else { return false };
        let Ok(message) = Message::builder().from(self.from.clone()).to(to).subject(subject).body(text) else { return false };
        match timeout(SENDING_MAX, self.transport.send(message)).await {
            Ok(Ok(_)) => true,
            Ok(Err(_)) | Err(_) => {
                (self.say)(
                    "agent spend: the mail server did not take a letter: an operator who asked for it is shown the invitation, and any other caller is refused",
                );
                false
            }
        }
    }
}

/// Whether an address can be written to.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.len() <= 254 && text.parse::<lettre::Address>().is_ok()
}
