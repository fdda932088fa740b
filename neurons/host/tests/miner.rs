//! Lines that are alike are grouped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use neuronbus_host::miner::Miner;
use proptest::prelude::*;

fn miner() -> Miner {
    Miner::new(1_000, 0.3)
}

#[test]
fn what_varies_in_lines_that_are_alike_is_found_and_a_groups_name_stays() {
    let mut miner = miner();
    let ada = miner.group("user ada logged in from 10.0.0.7").unwrap();
    assert_eq!(miner.pattern(ada).unwrap(), "user ada logged in from <*>");
    // The head is what two lines must share; here the second word varies in a later place.
    let first = miner.group("session for ada opened on tty1").unwrap();
    let second = miner.group("session for bob opened on tty7").unwrap();
    assert_eq!(first, second);
    assert_eq!(miner.pattern(first).unwrap(), "session for <*> opened on <*>");
    assert_eq!(miner.name(first), Some("session for ada opened on tty<*>"));
    let closed = miner.group("session of eve closed at night").unwrap();
    assert_ne!(first, closed);
    assert_eq!((miner.len(), miner.name(99), miner.pattern(99)), (3, None, None));
}

#[test]
fn a_line_of_another_length_or_with_another_beginning_is_never_in_the_group() {
    let mut miner = miner();
    let lines = ["disk sda is full", "disk sda is full again", "fan sda is full"];
    let groups: BTreeSet<u32> = lines.iter().map(|line| miner.group(line).unwrap()).collect();
    assert_eq!(groups.len(), 3);
}

#[test]
fn without_room_for_another_group_only_what_is_alike_has_one() {
    let mut miner = Miner::new(1, 0.3);
    let first = miner.group("link eth0 is up").unwrap();
    assert_eq!(miner.group("cannot open the door"), None);
    assert_eq!(miner.masked(), "cannot open the door");
    assert_eq!(miner.group("link eth1 is up"), Some(first));
    assert!(!miner.is_empty());
}

proptest! {
    #[test]
    fn a_line_has_the_same_group_whenever_it_comes(
        lines in prop::collection::vec("[a-d]{1,2}( [a-d0-9]{1,2}){0,4}", 1..60),
    ) {
        let mut miner = miner();
        let first: Vec<_> = lines.iter().map(|line| miner.group(line).unwrap()).collect();
        let again: Vec<_> = lines.iter().map(|line| miner.group(line).unwrap()).collect();
        prop_assert_eq!(first, again);
    }
}

fn unpacked(path: &Path) -> String {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields of a line of CSV, with quotes doubled inside quotes.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut is_quoted) = (vec![String::new()], false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                fields.last_mut().unwrap().push('"');
                letters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

/// Lines whose whole group is the labelled group, of all: "grouping accuracy" (Zhu et al., ICSE-SEIP 2019).
fn accuracy(labels: &[String], groups: &[u32]) -> f64 {
    let (mut labelled, mut found) = (BTreeMap::new(), BTreeMap::new());
    for (at, (label, group)) in labels.iter().zip(groups).enumerate() {
        labelled.entry(label).or_insert_with(BTreeSet::new).insert(at);
        found.entry(group).or_insert_with(BTreeSet::new).insert(at);
    }
    let is_whole =
        |at: &BTreeSet<usize>| at.first().map(|&one| &labelled[&labels[one]]) == Some(at);
    found.values().filter(|at| is_whole(at)).map(BTreeSet::len).sum::<usize>() as f64
        / labels.len() as f64
}

/// On the sixteen samples of Loghub, in the directory that `LOGHUB` names: they are free for research, and so are not
/// in this repository.
#[test]
fn sixteen_logs_are_grouped_as_people_grouped_them() {
    let Some(folder) = std::env::var_os("LOGHUB").filter(|folder| !folder.is_empty()) else {
        println!("SKIPPED: LOGHUB names no directory with the sixteen samples");
        return;
    };
    let mut accuracies = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix("_2k.log_structured.csv.gz") else { continue };
        let text = unpacked(&path);
        let mut rows = text.lines().map(fields);
        let head = rows.next().unwrap();
        let column = |name: &str| head.iter().position(|column| column == name).unwrap();
        let (content, event) = (column("Content"), column("EventId"));
        let rows: Vec<_> = rows.collect();
        let mut miner = Miner::new(4_096, 0.3);
        let groups: Vec<u32> = rows.iter().map(|row| miner.group(&row[content]).unwrap()).collect();
        let labels: Vec<String> = rows.iter().map(|row| row[event].clone()).collect();
        accuracies.insert(name.to_owned(), accuracy(&labels, &groups));
    }
    println!("{accuracies:.3?}");
    let mean = accuracies.values().sum::<f64>() / accuracies.len() as f64;
    assert!(accuracies.len() == 16 && mean >= 0.77, "{mean:.4}: {accuracies:.3?}");
    println!("mean {mean:.4}");
}
