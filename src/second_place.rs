//! Whoever answers goes first: how a thread that nobody waits for leaves the processor to them. It must not be used by a thread that
//! an answer depends on.

/// From here on this thread has less right to the processor than those that answer. On Linux a priority is a thread's own; elsewhere
/// it would be the whole process's.
pub fn take_second_place() {
    take_place(10);
}

/// The same behind those in second place: what they read is waited for, if not by an answer.
pub fn take_last_place() {
    take_place(19);
}

fn take_place(nice: i32) {
    // Without the right to do so, it competes.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, nice);
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}
