//! Reads the kernel's texts: one function a file, each a parse of `procfs-core` reduced to the numbers that matter.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use procfs_core::{
    DiskStat, ExplicitSystemInfo, FromBufReadSI, FromRead, KernelStats, LoadAverage, Meminfo,
    ProcError,
};

/// Why a sense is off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Absent {
    /// The file is not there, or may not be read.
    #[error("no {path}: {source}")]
    Missing { path: PathBuf, source: std::io::Error },
    /// The file is there and says something else than the kernel does.
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    /// The file is well and lists nothing.
    #[error("{path} lists none")]
    Empty { path: PathBuf },
}

/// Far more than any of these files has; what lies behind it is not read.
const FILE_MAX: u64 = 8 << 20;

/// A directory laid out like `/proc`.
#[derive(Debug)]
pub(super) struct ProcRoot {
    root: PathBuf,
    text: String,
}

/// What one disk has done since it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DiskUse {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) operations: u64,
    pub(super) operation_ms: u64,
}

/// The kernel counts disk traffic in these, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

impl ProcRoot {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), text: String::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn read(&mut self, name: &str) -> Result<&str, Absent> {
        let path = self.path(name);
        self.text.clear();
        let read =
            File::open(&path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut self.text));
        match read {
            Ok(_) => Ok(&self.text),
            Err(source) => Err(Absent::Missing { path, source }),
        }
    }

    fn parse<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, ProcError>,
    ) -> Result<T, Absent> {
        let parsed = parse(self.read(name)?);
        parsed.map_err(|error| self.unreadable(name, &error))
    }

    fn unreadable(&self, name: &str, reason: &dyn std::fmt::Display) -> Absent {
        Absent::Unreadable { path: self.path(name), reason: reason.to_string() }
    }

    /// `/proc/stat`: time by core, context switches, forks.
    pub(super) fn kernel(&mut self) -> Result<KernelStats, Absent> {
        // Only shares of time are asked for, so the unit of time does not matter.
        let info = ExplicitSystemInfo {
            boot_time_secs: 0,
            ticks_per_second: 100,
            page_size: 4096,
            is_little_endian: cfg!(target_endian = "little"),
        };
        self.parse("stat", |text| KernelStats::from_buf_read(text.as_bytes(), &info))
    }

    /// `/proc/loadavg`: the mean of a minute.
    pub(super) fn load(&mut self) -> Result<f64, Absent> {
        let load = self.parse("loadavg", |text| LoadAverage::from_read(text.as_bytes()))?;
        Ok(f64::from(load.one))
    }

    /// `/proc/meminfo`: used shares of memory and swap; `None` for swap on a machine without.
    pub(super) fn memory(&mut self) -> Result<(f64, Option<f64>), Absent> {
        let memory = self.parse("meminfo", |text| {
            // Its parser cuts the last byte of each key, which must not be half a character.
            if text.is_ascii() {
                Meminfo::from_read(text.as_bytes())
            } else {
                Err("not ASCII".into())
            }
        })?;
        let available = memory.mem_available.unwrap_or(memory.mem_free);
        let used = used_share(memory.mem_total, available)
            .ok_or_else(|| self.unreadable("meminfo", &"its total is zero"))?;
        Ok((used, used_share(memory.swap_total, memory.swap_free)))
    }

    /// `/proc/pressure/*`: percent of the last 10 s in which some task waited.
    pub(super) fn pressure(&mut self, resource: &str) -> Result<f64, Absent> {
        let record = self.parse(&format!("pressure/{resource}"), |text| {
            let line = text.lines().next().unwrap_or_default();
            if !line.starts_with("some ") {
                return Err("it does not begin with `some`".into());
            }
            procfs_core::parse_pressure_record(line)
        })?;
        Ok(f64::from(record.avg10))
    }

    /// `/proc/diskstats`: whole disks that `is_disk` accepts and that have done something.
    pub(super) fn disks(&mut self, is_disk: impl Fn(&str) -> bool) -> Result<Vec<DiskUse>, Absent> {
        let text = self.read("diskstats")?;
        // A line that cannot be read is one device less, not all of them.
        let disks = text.lines().filter_map(|line| DiskStat::from_line(line).ok());
        let disks = disks.filter(|disk| is_disk(&disk.name)).map(|disk| DiskUse {
            bytes: (disk.sectors_read.saturating_add(disk.sectors_written))
                .saturating_mul(SECTOR_BYTES),
            operations: disk.reads.saturating_add(disk.writes),
            operation_ms: disk.time_reading.saturating_add(disk.time_writing),
            name: disk.name,
        });
        let found: Vec<DiskUse> = disks.filter(|disk| disk.operations > 0).collect();
        if found.is_empty() {
            Err(Absent::Empty { path: self.path("diskstats") })
        } else {
            Ok(found)
        }
    }

    /// `/proc/net/dev`: name, bytes received and bytes sent of each interface that has carried something, by name.
    pub(super) fn networks(&mut self) -> Result<Vec<(String, u64, u64)>, Absent> {
        let devices = self.parse("net/dev", |text| {
            procfs_core::net::InterfaceDeviceStatus::from_read(text.as_bytes())
        })?;
        let mut found: Vec<_> = devices
            .0
            .into_values()
            .filter(|device| device.recv_bytes > 0 || device.sent_bytes > 0)
            .map(|device| (device.name, device.recv_bytes, device.sent_bytes))
            .collect();
        found.sort_unstable();
        if found.is_empty() { Err(Absent::Empty { path: self.path("net/dev") }) } else { Ok(found) }
    }

    /// `/proc/sys/fs/file-nr`: used share of the file descriptors allowed.
    pub(super) fn files(&mut self) -> Result<f64, Absent> {
        const NAME: &str = "sys/fs/file-nr";
        let mut numbers = self.read(NAME)?.split_ascii_whitespace().map(str::parse::<f64>);
        match (numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(open)), Some(Ok(free)), Some(Ok(most))) if most > 0.0 => {
                Ok((open - free).max(0.0) / most)
            }
            _ => Err(self.unreadable(NAME, &"it is not three numbers")),
        }
    }
}

fn used_share(total: u64, free: u64) -> Option<f64> {
    (total > 0).then(|| total.saturating_sub(free) as f64 / total as f64)
}
