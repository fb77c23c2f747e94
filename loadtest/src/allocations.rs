//! Counts this process's heap allocations, in builds with the feature `count-allocations` only.

#[cfg(feature = "count-allocations")]
#[global_allocator]
static COUNTING: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// How many blocks this process has allocated or moved to a new size so far; `None` in builds that do not count.
#[cfg(feature = "count-allocations")]
pub fn so_far() -> Option<usize> {
    let stats = COUNTING.stats();
    Some(stats.allocations.saturating_add(stats.reallocations))
}

/// How many blocks this process has allocated or moved to a new size so far; `None` in builds that do not count.
#[cfg(not(feature = "count-allocations"))]
pub const fn so_far() -> Option<usize> {
    None
}
