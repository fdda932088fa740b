//! Who only looks: observers write nothing, so that what the system knows of their mappings is all there is.

use std::path::Path;

/// The processes other than this one that have a file mapped for reading only, as far as this one may see them.
#[cfg(target_os = "linux")]
pub(super) fn of(file: &Path) -> Vec<u32> {
    use std::os::unix::fs::MetadataExt;
    let Ok(inode) = std::fs::metadata(file).map(|metadata| metadata.ino()) else {
        return Vec::new();
    };
    let name = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(name);
    let looks = |&process: &u32| {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps"));
        maps.is_ok_and(|maps| maps.lines().any(|line| is_look(line, inode, file)))
    };
    let own = std::process::id();
    let mut found: Vec<u32> = processes.filter(|process| *process != own).filter(looks).collect();
    found.sort_unstable();
    found
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &Path) -> Vec<u32> {
    Vec::new()
}

/// Whether a line of a process's maps is a shared mapping of the file that cannot be written: addresses, rights,
/// offset, device, inode, path. Numbers of inodes are of one device, so that the name counts too.
#[cfg(target_os = "linux")]
fn is_look(line: &str, inode: u64, file: &Path) -> bool {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (rights, number) = (words.next(), words.nth(2));
    rights == Some("r--s")
        && number.and_then(|number| number.parse().ok()) == Some(inode)
        && words.next().is_some_and(|path| Path::new(path).file_name() == file.file_name())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_shared_mapping_that_cannot_be_written_is_a_look() {
        let file = Path::new("/dev/shm/demo/trace-0.axon");
        let line = |rights: &str, inode: u32, name: &str| {
            format!("7f00-7f10 {rights} 00000000 00:1a {inode}    /dev/shm/demo/{name}")
        };
        assert!(is_look(&line("r--s", 42, "trace-0.axon"), 42, file));
        assert!(!is_look(&line("rw-s", 42, "trace-0.axon"), 42, file), "it writes");
        assert!(!is_look(&line("r--s", 43, "trace-0.axon"), 42, file), "another file");
        assert!(!is_look(&line("r--s", 42, "trace-1.axon"), 42, file), "on another device");
        assert!(!is_look("7f00-7f10 r--p 00000000 00:00 0", 42, file));
    }
}
