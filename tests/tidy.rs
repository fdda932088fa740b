//! The rules of the house that no compiler checks, read off the files themselves.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, its tests not counted.
const FILE_LINES: usize = 500;
/// Lines of a file with everything in it.
const FILE_LINES_IN_ALL: usize = 700;
const FUNCTION_LINES: usize = 70;
/// Code is formatted to 100; a comment, or a string that cannot be broken, may be as long as this.
const LINE_WIDTH: usize = 120;

/// Where `unsafe` may stand: the one mapping call of the core, its model, the counting allocator of a test, promises
/// about writers in a test and a benchmark (which also maps a bare ring), the requests to io_uring, the C interface.
const UNSAFE: [&str; 7] = [
    "src/shm/",
    "models/src/shm/",
    "tests/no_alloc.rs",
    "tests/in_place.rs",
    "benches/src/processes/",
    "neurons/relay/src/uring.rs",
    "capi/src/lib.rs",
];

/// Where a thread may be started in the core.
const THREADS: [&str; 7] = [
    "src/cortex/assembly.rs",
    "src/cortex/running.rs",
    "src/cortex/workers/crew.rs",
    "src/brain/porter.rs",
    "src/cortex/keeper.rs",
    "src/journal/io_thread.rs",
    "src/journal_gate/mod.rs",
];

/// What the core may depend on. One more needs a page in `docs/decisions`.
const DEPENDENCIES: [&str; 20] = [
    "blake3",
    "bytemuck",
    "core_affinity",
    "crc32c",
    "crossbeam-channel",
    "crossbeam-utils",
    "hdrhistogram",
    "libc",
    "libm",
    "memmap2",
    "petgraph",
    "pulp",
    "quanta",
    "rmp",
    "rmp-serde",
    "ruzstd",
    "serde",
    "serde_json",
    "thiserror",
    "uuid",
];

/// The modules of the core from the bottom up: each may use those in rows above it in this list.
const LEVELS: [&[&str]; 14] = [
    &["id", "math", "state", "sync", "time"],
    &["pace", "shm", "spike", "timers", "touched"],
    &[
        "arena",
        "axon",
        "cause",
        "dendrite",
        "event",
        "evidence",
        "membrane",
        "plasticity",
        "recorded",
    ],
    &["flight", "journal", "projection", "transport"],
    &["synapse", "population"],
    &["atlas", "context", "neuron"],
    &["admission", "crowd", "gate"],
    &["brain"],
    &["inlet", "journal_gate", "publisher", "region"],
    &["cortex", "snapshot", "topology"],
    &["conformance"],
    &["error"],
    &["prelude"],
    &["lib"],
];

/// Rows whose modules know each other: a neuron is called with a context and found in the atlas, which shows its card;
/// a gate hands in admissions; a topology is drawn from a worker and handed out by its cortex, which keeps
/// snapshots of itself.
const KNOTS: [usize; 3] = [5, 6, 9];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below the root with one of these endings, but for what is built or fetched, by its path from the root.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                let skipped = ["target", "corpus", "artifacts", "proptest-regressions"];
                if !skipped.contains(&name.as_str()) && (!name.starts_with('.') || name == ".ci") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(root().join(&path)).unwrap();
                found.push((path.to_str().unwrap().replace('\\', "/"), text));
            }
        }
    }
    found.sort();
    assert!(found.len() > 3, "the files are not where they are looked for");
    found
}

/// A text without its test module, which stands at the end.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at])
}

/// The lines of a text that are not comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let comment = |line: &str| line.trim_start().starts_with("//");
    text.lines().enumerate().filter(move |(_, line)| !comment(line)).map(|(n, l)| (n + 1, l))
}

#[track_caller]
fn none(kind: &str, found: &[String]) {
    assert!(found.is_empty(), "{} {kind}:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_file_is_longer_than_one_can_keep_in_mind() {
    let too_long = |(path, text): (String, String)| {
        let (own, all) = (without_tests(&text).lines().count(), text.lines().count());
        let limit = if path.contains("tests/") { FILE_LINES_IN_ALL } else { FILE_LINES };
        (own > limit || all > FILE_LINES_IN_ALL)
            .then(|| format!("{path}: {own} lines, {all} in all"))
    };
    none(
        "files are too long",
        &files(&[".rs"]).into_iter().filter_map(too_long).collect::<Vec<_>>(),
    );
}

/// The functions of a formatted text: the line each begins in, and how many lines it has.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &str| {
        let words = line.trim_start().split(' ');
        let mut words = words.skip_while(|word| {
            word.starts_with("pub")
                || ["const", "async", "unsafe", "extern", "\"C\""].contains(word)
        });
        words.next() == Some("fn")
    };
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = lines[start..].iter().position(|line| {
            let flush = line.strip_prefix(indent).is_some_and(|rest| !rest.starts_with(' '));
            flush
                && (line.trim_end() == format!("{indent}}}")
                    || line.ends_with(';')
                    || line.ends_with("}"))
        });
        found.push((start + 1, end.unwrap_or(lines.len() - start - 1) + 1));
    }
    found
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut found = Vec::new();
    let mut counted = 0;
    for (path, text) in files(&[".rs"]) {
        for (line, length) in functions(&text) {
            counted += 1;
            if length > FUNCTION_LINES {
                found.push(format!("{path}:{line}: {length} lines"));
            }
        }
    }
    assert!(counted > 500, "{counted} functions are fewer than there are");
    none("functions are too long", &found);
}

#[test]
fn no_line_is_wider_than_it_may_be() {
    let mut found = Vec::new();
    for (path, text) in files(&[".rs"]) {
        for (number, line) in text.lines().enumerate() {
            let width = line.chars().count();
            // A row of a table is one line.
            let row = ["/// |", "//! |"].iter().any(|row| line.trim_start().starts_with(row));
            if width > LINE_WIDTH && !row {
                found.push(format!("{path}:{}: {width}", number + 1));
            }
        }
    }
    none("lines are too wide", &found);
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|row| row.contains(&module))
}

/// The modules of the core that a text names after `crate::`.
fn uses(text: &str) -> BTreeSet<String> {
    let code: String = code(text).flat_map(|(_, line)| [line, "\n"]).collect();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.insert(word(after));
            continue;
        };
        let mut depth = 0;
        let outer: String = group
            .chars()
            .take_while(|&c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth >= 0
            })
            .collect();
        let mut depth = 0;
        for part in outer.split_inclusive(['{', '}', ',']) {
            if depth == 0 {
                found.insert(word(part.trim_start()));
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn modules_of_the_core_use_only_what_lies_below_them() {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, text) in files(&[".rs"]) {
        let Some(inside) = path.strip_prefix("src/") else { continue };
        let module = inside.split(['/', '.']).next().unwrap().to_owned();
        let Some(own) = level(&module) else {
            found.push(format!("{path}: {module} has no level: give it one in tests/tidy.rs"));
            continue;
        };
        for used in uses(without_tests(&text)) {
            // What is not a module is an item that the crate's root gives out.
            let Some(below) = level(&used) else { continue };
            if used != module && !(below < own || (below == own && KNOTS.contains(&own))) {
                found.push(format!("{path}: uses {used}, which is not below {module}"));
            }
        }
        seen.insert(module);
    }
    let listed: BTreeSet<String> = LEVELS.concat().into_iter().map(str::to_owned).collect();
    let gone: Vec<_> = listed.difference(&seen).collect();
    assert!(gone.is_empty(), "these have a level and are not there: {gone:?}");
    none("uses go the wrong way", &found);
}

#[test]
fn the_uses_of_a_text_are_found() {
    let text = "use crate::id::A;\nuse crate::{arena, gate::{Gate, id2}, time::{T}};\n";
    let text = format!("{text}// crate::no\nlet x = crate::math::r();");
    let text = text.as_str();
    let found: Vec<String> = uses(text).into_iter().collect();
    assert_eq!(found, ["arena", "gate", "id", "math", "time"]);
}

/// The names in one table of a manifest.
fn table(manifest: &str, name: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != format!("[{name}]")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let key = |line: &str| line.split(['=', '.', ' ']).next().unwrap_or("").to_owned();
    lines.filter(|line| !line.starts_with('#')).map(key).filter(|key| !key.is_empty()).collect()
}

#[test]
fn the_core_depends_on_what_was_decided_and_nothing_else() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let allowed = DEPENDENCIES.map(str::to_owned).into();
    assert_eq!(table(&manifest, "dependencies"), allowed);
}

#[test]
fn no_family_names_another_and_nothing_names_what_stands_on_top() {
    let mut families = BTreeMap::new();
    for (path, text) in files(&["Cargo.toml"]) {
        if let Some(folder) = path.strip_prefix("neurons/") {
            families.insert(folder.split('/').next().unwrap().to_owned(), text);
        }
    }
    assert!(families.contains_key("host"));
    let mut found = Vec::new();
    for (path, text) in files(&[".rs", "Cargo.toml"]) {
        let within = |folder: &str| path.starts_with(folder);
        let family = path.strip_prefix("neurons/").map(|rest| rest.split('/').next().unwrap());
        let core = within("src/") || path == "tests/tidy.rs";
        let text: String = code(&text).flat_map(|(_, line)| [line, "\n"]).collect();
        for name in families.keys() {
            let named = text.contains(&format!("neuronbus_{name}::"))
                || (family.is_some() && text.contains(&format!("neuronbus-{name}.")));
            let may = match family {
                Some(own) => own == name || own == "connectome",
                None => !core,
            };
            if named && !may {
                found.push(format!("{path}: names the family {name}"));
            }
        }
        for top in ["benches", "examples", "cli"] {
            let named = text.contains(&format!("neuronbus_{top}"))
                || text.contains(&format!("neuronbus-{top}."));
            if named && !within(top) && path != "Cargo.toml" && !core {
                found.push(format!("{path}: names {top}"));
            }
        }
    }
    none("names go the wrong way", &found);
}

/// Whether a word stands in a line by itself, outside of quotes.
fn has_word(line: &str, word: &str) -> bool {
    let line = line.split("//").next().unwrap_or(line);
    let unquoted: String = line.split('"').step_by(2).collect();
    let part = |c: char| c.is_alphanumeric() || c == '_';
    unquoted.split(|c| !part(c)).any(|found| found == word)
}

fn lines_with(endings: &[&str], matches: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files(endings) {
        for (number, line) in code(&text).filter(|(_, line)| matches(&path, line)) {
            found.push(format!("{path}:{number}: {}", line.trim()));
        }
    }
    found
}

#[test]
fn unsafe_stands_only_where_memory_is_mapped() {
    let allowed = |path: &str| UNSAFE.iter().any(|place| path.starts_with(place));
    let found = lines_with(&[".rs"], |path, line| !allowed(path) && has_word(line, "unsafe"));
    none("lines are unsafe", &found);
    let mapped =
        lines_with(&[".rs"], |path, line| path.starts_with(UNSAFE[0]) && has_word(line, "unsafe"));
    assert!(
        !mapped.is_empty(),
        "where memory is mapped it is unsafe: the search finds nothing any more"
    );
}

#[test]
fn nothing_is_left_to_be_done_or_looked_away_from() {
    // Put together, so that this file is not found.
    let words = [["to", "do!"], ["unimpl", "emented!"], ["db", "g!"], ["#[ig", "nore"]];
    let words = words.map(|parts| parts.concat());
    let found = lines_with(&[".rs"], |_, line| words.iter().any(|word| line.contains(word)));
    none("lines are unfinished", &found);
}

#[test]
fn the_core_starts_threads_in_one_place() {
    let starts = |line: &str| line.contains("thread::spawn") || line.contains("thread::Builder");
    let found = lines_with(&[".rs"], |path, line| {
        path.starts_with("src/") && !THREADS.contains(&path) && starts(line)
    });
    none("lines start threads", &found);
}

#[test]
fn every_ordering_has_its_other_side_and_stands_in_the_table() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in files(&[".rs"]).iter().filter(|(path, _)| path.starts_with("src/")) {
        for after in text.split("SYNC(").skip(1) {
            let name: String = after.chars().take_while(|&c| c != ')').collect();
            places.entry(name).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 5, "{places:?}");
    let table = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut found = Vec::new();
    for (name, at) in &places {
        if at.len() < 2 {
            found.push(format!("{name} has one side only, in {}", at[0]));
        }
        if !table.contains(name.as_str()) {
            found.push(format!("{name} is not in the table of ARCHITECTURE.md"));
        }
    }
    none("orderings are alone", &found);
}

/// The places that a text in Markdown links to, code blocks left out.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece is within backticks.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for after in prose.split("](").skip(1) {
            found.push(after.split([')', ' ']).next().unwrap_or("").to_owned());
        }
    }
    found
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut found = Vec::new();
    for (path, text) in files(&[".md"]) {
        for link in links(&text) {
            let outside =
                link.contains("://") || link.starts_with("mailto:") || link.starts_with('#');
            let file = link.split('#').next().unwrap_or("");
            let folder = Path::new(&path).parent().unwrap();
            if !outside && !root().join(folder).join(file).exists() {
                found.push(format!("{path}: {link}"));
            }
        }
    }
    none("links lead nowhere", &found);
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    // Put together, so that this file is not found.
    let places = ["home", "root", "Users", "work"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    for (path, text) in files(&[".rs", ".md", ".toml", ".yml", "/run", ".sh"]) {
        for (number, line) in text.lines().enumerate() {
            let named = |place: &String| {
                line.match_indices(place.as_str()).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| {
                        !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':'))
                    })
                })
            };
            if places.iter().any(named) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("lines name a machine's own places", &found);
}
