//! What threads of this process have computed, by the system's own count.

use std::time::Duration;

/// CPU time of the calling thread in ns.
pub(super) fn own_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32).as_nanos() as u64
}

/// CPU time in ns of the threads of this process whose name begins so.
pub(super) fn cpu_ns_of(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let of = |task: std::fs::DirEntry| {
        let named = read(task.path().join("comm")).starts_with(name);
        let spent = read(task.path().join("schedstat"));
        named.then(|| spent.split(' ').next()?.parse::<u64>().ok()).flatten()
    };
    tasks.filter_map(of).sum()
}
