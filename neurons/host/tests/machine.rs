//! Reading a machine: a made-up one, a container with half of it missing, and this one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use neuronbus_host::kind::SenseKind;
use neuronbus_host::proc::Sampler;

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn write_stat(root: &Path, busy: u64, idle: u64, switches: u64, forks: u64) {
    let text = format!(
        "cpu  9 0 0 9 0 0 0 0 0 0\ncpu0 {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu1 0 0 0 {idle} 0 0 0 0 0 0\n\
         intr 5 1 2\nctxt {switches}\nbtime 1700000000\nprocesses {forks}\nprocs_running 1\n"
    );
    write(root, "stat", &text);
}

fn write_devices(root: &Path, sectors: u64, operations: u64, ms: u64, received: u64) {
    let disk = |name: &str, n: u64| format!("8 0 {name} {n} 0 {sectors} {ms} 0 0 0 0 0 0 0\n");
    let disks = disk("sda", operations) + &disk("sda1", operations) + &disk("loop0", operations);
    write(root, "diskstats", &(disks + &disk("sdb", 0)));
    let head = "Inter-|   Receive  |  Transmit\n face |bytes packets\n";
    let device =
        |name: &str, bytes| format!("  {name}: {bytes} 0 0 0 0 0 0 0 {bytes} 0 0 0 0 0 0 0\n");
    write(root, "net/dev", &format!("{head}{}{}", device("eth0", received), device("dummy0", 0)));
}

fn machine(root: &Path) {
    write_stat(root, 100, 900, 1000, 50);
    write_devices(root, 2048, 10, 100, 5000);
    write(root, "loadavg", "0.50 0.40 0.30 2/345 6789\n");
    let meminfo = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nBuffers: 0 kB\n\
        Cached: 0 kB\nSwapCached: 0 kB\nActive: 0 kB\nInactive: 0 kB\nSwapTotal: 400 kB\n\
        SwapFree: 300 kB\nDirty: 0 kB\nWriteback: 0 kB\nMapped: 0 kB\nSlab: 0 kB\n\
        Committed_AS: 0 kB\nVmallocTotal: 0 kB\nVmallocUsed: 0 kB\nVmallocChunk: 0 kB\n";
    write(root, "meminfo", meminfo);
    for resource in ["cpu", "memory", "io"] {
        let text = "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        write(root, &format!("pressure/{resource}"), text);
    }
    write(root, "sys/fs/file-nr", "512\t12\t1000\n");
}

fn sample(sampler: &mut Sampler, seconds: u64) -> BTreeMap<String, Option<f64>> {
    let mut readings = BTreeMap::new();
    sampler.sample(Duration::from_secs(seconds), &mut |reading| {
        let before = readings.insert(reading.signal.to_owned(), reading.value);
        assert_eq!(before, None, "{} was read twice", reading.signal);
    });
    readings
}

#[test]
fn every_signal_of_a_machine_is_read_and_rates_are_of_the_time_between() {
    let dir = tempfile::tempdir().unwrap();
    let (root, sys) = (dir.path().join("proc"), dir.path().join("sys"));
    machine(&root);
    for disk in ["sda", "sdb", "loop0"] {
        fs::create_dir_all(sys.join("block").join(disk)).unwrap();
    }
    let mut sampler = Sampler::new(&SenseKind::ALL, &root, &sys);
    let first = sample(&mut sampler, 0);
    let names = [
        "cpu0",
        "cpu1",
        "disk.sda",
        "disk.sda.latency",
        "files",
        "forks",
        "load",
        "memory",
        "network.eth0.rx",
        "network.eth0.tx",
        "pressure.cpu",
        "pressure.io",
        "pressure.memory",
        "swap",
        "switches",
    ];
    assert_eq!(first.keys().collect::<Vec<_>>(), names);
    assert_eq!(first["cpu0"], None, "a share needs two samples");
    assert_eq!(sampler.notes(), [""; 0]);

    write_stat(&root, 175, 925, 1600, 56);
    write_devices(&root, 2048 + 4096, 14, 130, 5000 + 3000);
    let second = sample(&mut sampler, 2);
    let expected = [
        0.75,
        0.0,
        1_048_576.0,
        7.5,
        0.5,
        3.0,
        0.5,
        0.75,
        1500.0,
        1500.0,
        1.5,
        1.5,
        1.5,
        0.25,
        300.0,
    ];
    for (name, value) in names.iter().zip(expected) {
        assert_eq!(second[*name], Some(value), "{name}");
    }
}

#[test]
fn senses_whose_file_is_missing_are_off_and_said_so_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "loadavg", "0.50 0.40 0.30 2/345 6789\n");
    write(dir.path(), "meminfo", "MemTotal: zero kB\n");
    write(dir.path(), "pressure/cpu", "some");
    write(dir.path(), "net/dev", "nonsense\n");
    let mut sampler = Sampler::new(&SenseKind::ALL, dir.path(), dir.path());
    for _ in 0..3 {
        let readings = sample(&mut sampler, 1);
        assert_eq!(readings.into_iter().collect::<Vec<_>>(), [("load".to_owned(), Some(0.5))]);
    }
    let off: Vec<_> = sampler.notes().iter().map(|note| note.split(' ').next().unwrap()).collect();
    let expected =
        ["cpu", "memory", "swap", "pressure", "disk", "network", "switches", "forks", "files"];
    assert_eq!(off, expected, "{:#?}", sampler.notes());
}

#[test]
fn a_counter_that_falls_back_gives_no_rate_and_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let forks = [SenseKind::Forks];
    let mut sampler = Sampler::new(&forks, dir.path(), dir.path());
    let mut rates = Vec::new();
    for count in [100, 120, 5, 10] {
        write_stat(dir.path(), 0, 0, 0, count);
        rates.push(sample(&mut sampler, 5)["forks"]);
    }
    assert_eq!(rates, [None, Some(4.0), None, Some(1.0)]);
}

#[test]
fn a_file_that_vanishes_later_is_noted_once_and_read_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut sampler = Sampler::new(&[SenseKind::Load], dir.path(), dir.path());
    let text = "0.50 0.40 0.30 2/345 6789\n";
    write(dir.path(), "loadavg", text);
    assert_eq!(sample(&mut sampler, 1).len(), 1);
    fs::remove_file(dir.path().join("loadavg")).unwrap();
    assert_eq!(sample(&mut sampler, 1).len(), 0);
    assert_eq!(sample(&mut sampler, 1).len(), 0);
    assert_eq!(sampler.notes().len(), 1);
    write(dir.path(), "loadavg", text);
    assert_eq!(sample(&mut sampler, 1).len(), 1);
}

#[test]
fn this_machine_can_be_read_and_every_value_is_finite() {
    let (proc, sys) = (Path::new("/proc"), Path::new("/sys"));
    let mut sampler = Sampler::new(&SenseKind::ALL, proc, sys);
    sample(&mut sampler, 0);
    for (signal, value) in sample(&mut sampler, 1) {
        assert!(value.is_none_or(f64::is_finite), "{signal}: {value:?}");
        assert!(SenseKind::of_signal(&signal).is_some(), "{signal}");
    }
}

#[test]
fn a_sense_is_known_by_its_word_and_by_its_signals() {
    for kind in SenseKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(SenseKind::of_signal("cpu12"), Some(SenseKind::Cpu));
    assert_eq!(SenseKind::of_signal("disk.nvme0n1.latency"), Some(SenseKind::Disk));
    assert_eq!(SenseKind::of_signal("log:cpu"), None);
    let refused = "cpus".parse::<SenseKind>().unwrap_err();
    assert!(refused.to_string().contains("\"cpus\""));
}
