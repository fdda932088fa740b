//! What a user reads when a description is wrong, word for word.

use neuronbus_connectome::{Brain, Code};

fn messages(text: &str) -> Vec<String> {
    match Brain::parse(text, "b.toml") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.mistakes().iter().map(ToString::to_string).collect(),
    }
}

/// A region that is right, so that a case can be about something else.
const REFLEX: &str = "[[region]]\npath = \"reflex\"\nkind = \"reflex\"\n";

#[track_caller]
fn one(text: &str, message: &str) {
    assert_eq!(messages(text), [message], "for\n{text}");
}

#[test]
fn unknown_keys_name_the_nearest_key() {
    one(
        &format!("[brain]\ntikc = \"10 ms\"\n{REFLEX}"),
        "b.toml:2:1: B001 unknown key: brain.tikc: expected one of name, tick, pace, seed, \
         arena, axon, workers, exchange, \
         found tikc; did you mean \"tick\"?",
    );
    one(
        &format!("{REFLEX}tau = \"3 s\"\n"),
        "b.toml:4:1: B001 unknown key: region[0].tau: expected one of path, kind, window, \
         threshold, \
         refractory, evidence, found tau; did you mean \"window\"?",
    );
    one(
        &format!("{REFLEX}colour = 3\n"),
        "b.toml:4:1: B001 unknown key: region[0].colour: expected one of path, kind, window, \
         threshold, \
         refractory, evidence, found colour",
    );
    one(
        &format!("{REFLEX}[[projections]]\nfrom = \"reflex\"\n"),
        "b.toml:4:3: B001 unknown key: projections: expected one of brain, region, files, \
         projection, found projections; did you mean \"projection\"?",
    );
}

#[test]
fn what_is_missing_is_named_where_its_table_begins() {
    one("", "b.toml:1:1: B002 missing key: region: expected at least one [[region]]");
    one(
        "[[region]]\nkind = \"reflex\"\n",
        "b.toml:1:1: B002 missing key: region[0].path: expected a path such as \"senses/host\"",
    );
    one(
        &format!("{REFLEX}[[projection]]\nfrom = \"reflex\"\n"),
        "b.toml:4:1: B002 missing key: projection[0].to: expected the path of a region",
    );
    one(
        &format!(
            "{REFLEX}[[projection]]\nfrom = \"reflex\"\nto = \"reflex\"\nconnect = \"random\"\n"
        ),
        "b.toml:4:1: B002 missing key: projection[0].p: expected a probability from 0 to 1",
    );
}

#[test]
fn what_goes_with_another_connector_is_refused() {
    let projection = format!("{REFLEX}[[projection]]\nfrom = \"reflex\"\nto = \"reflex\"\n");
    one(
        &format!("{projection}connect = \"fixed-in-degree\"\n"),
        "b.toml:4:1: B002 missing key: projection[0].sources-each: expected how many sources each \
         target has",
    );
    one(
        &format!("{projection}sources-each = 3\n"),
        "b.toml:7:16: B009 contradiction: projection[0].sources-each: expected connect = \
         \"fixed-in-degree\" beside it, or no `sources-each`, found 3",
    );
}

#[test]
fn a_source_hears_nothing() {
    let source = "[[region]]\npath = \"noise\"\nkind = \"population\"\ncells = 5\n\
                  model = \"poisson\"\nrate-hz = 5\n";
    one(
        &format!("{REFLEX}{source}[[projection]]\nfrom = \"reflex\"\nto = \"noise\"\n"),
        "b.toml:12:6: B009 contradiction: projection[0].to: expected a region that hears: sources \
         fire by themselves, found \"noise\"",
    );
}

#[test]
fn types_are_told_apart() {
    one(
        &format!("{REFLEX}threshold = \"high\"\n"),
        "b.toml:4:13: B003 wrong type: region[0].threshold: expected a number above 0 \
         and up to 1000000, not a string, found \"high\"",
    );
    one(
        &format!("[brain]\nseed = 1.5\n{REFLEX}"),
        "b.toml:2:8: B003 wrong type: brain.seed: expected a whole number from 0 to \
         18446744073709551615, \
         not a float, found 1.5",
    );
    one(
        "region = 3",
        "b.toml:1:10: B003 wrong type: region: expected tables, each begun by [[region]], not an \
         integer, found 3",
    );
    one(
        "[[region]]\npath = \"a\"\nkind = \"host\"\nperiod = 500\n",
        "b.toml:4:10: B003 wrong type: region[0].period: expected a duration from \"10 ms\" to \
         \"1 h\", \
         not an integer, found 500",
    );
    one(
        "[[region]]\npath = \"a\"\nkind = \"host\"\nfollow = [\"/var/log/syslog\", 3]\n",
        "b.toml:4:30: B003 wrong type: region[0].follow[1]: expected a string, not an integer, \
         found 3",
    );
}

#[test]
fn names_are_listed() {
    one(
        "[[region]]\npath = \"a\"\nkind = \"hots\"\n",
        "b.toml:3:8: B004 unknown name: region[0].kind: expected \"host\", \"lines\", \"events\", \
         \"reflex\", \"alerts\", \"handler\", \"concepts\", \"memory\", \"context\", \"population\", \"tract\", \
         \"sensory\", \"motor\" or \"journal\", \
         found \"hots\"; did you mean \"host\"?",
    );
    one(
        &format!("[brain]\npace = \"realtime\"\n{REFLEX}"),
        "b.toml:2:8: B004 unknown name: brain.pace: expected \"free\", \"real-time\" or \
         \"on-demand\", \
         found \"realtime\"; did you mean \"real-time\"?",
    );
}

#[test]
fn a_journal_that_is_followed_must_be_caught_up_with() {
    let journal = "[[region]]\npath = \"past\"\nkind = \"journal\"\n";
    one(
        journal,
        "b.toml:1:1: B002 missing key: region[0].journal: expected the directory of a journal",
    );
    one(
        &format!("{journal}journal = \"night\"\nfollow = true\nspeed = 1.0\n"),
        "b.toml:6:9: B009 contradiction: region[0].speed: expected a number above 1 beside \
         `follow`: a slower one never catches up, found 1.0",
    );
}

#[test]
fn a_tract_goes_one_way_to_one_place() {
    let tract = "[[region]]\npath = \"t\"\nkind = \"tract\"\n";
    one(
        tract,
        "b.toml:1:1: B002 missing key: region[0]: expected `listen` or `connect`, with an address \
         such as \"127.0.0.1:7700\"",
    );
    one(
        &format!("{tract}listen = \"[::1]:7700\"\nconnect = \"a:1\"\n"),
        "b.toml:5:11: B009 contradiction: region[0].connect: expected either `listen` or \
         `connect`: one side waits for the other, found \"a:1\"",
    );
    for address in ["localhost", ":7700", "host:70000"] {
        one(
            &format!("{tract}connect = \"{address}\"\n"),
            &format!(
                "b.toml:4:11: B005 out of range: region[0].connect: expected a host and a port, such \
                 as \"127.0.0.1:7700\" or \"brain.example:7700\", found \"{address}\""
            ),
        );
    }
    one(
        &format!("{tract}listen = \"[::1]:0\"\nheartbeat = \"2 s\"\nsilence = \"3 s\"\n"),
        "b.toml:6:11: B005 out of range: region[0].silence: expected a duration from \"4 s\" to \
         \"2 h\", found \"3 s\"",
    );
}

#[test]
fn ranges_are_told() {
    one(
        "[[region]]\npath = \"a\"\nkind = \"host\"\nperiod = \"2 ms\"\n",
        "b.toml:4:10: B005 out of range: region[0].period: expected a duration from \"10 ms\" to \
         \"1 h\", \
         found \"2 ms\"",
    );
    one(
        "[[region]]\npath = \"a//b\"\nkind = \"alerts\"\n",
        "b.toml:2:8: B005 out of range: region[0].path: expected parts of letters, digits, '-', \
         '_' and '.' \
         joined by '/', at most 256 bytes, found \"a//b\"",
    );
    for (key, message) in [
        (
            "weight = 1.5",
            ":10: B005 out of range: projection[0].weight: expected a number from 0 to 1, found \
             1.5",
        ),
        (
            "weight = nan",
            ":10: B005 out of range: projection[0].weight: expected a number from 0 to 1, found \
             nan",
        ),
        (
            "weight = -inf",
            ":10: B005 out of range: projection[0].weight: expected a number from 0 to 1, found \
             -inf",
        ),
        (
            "bounds = [1, 0]",
            ":10: B005 out of range: projection[0].bounds: expected two numbers, the lower \
             first, from -1000000 to 1000000, found [1, 0]",
        ),
        (
            "delay = \"0 ms\"",
            ":9: B005 out of range: projection[0].delay: expected 1 to 1048576 ticks, which is \
             \"1 ms\" to \"1048576 ms\", found \"0 ms\"",
        ),
        (
            "delay = \"0 ticks\"",
            ":9: B005 out of range: projection[0].delay: expected 1 to 1048576 ticks, which is \
             \"1 ms\" to \"1048576 ms\", found \"0 ticks\"",
        ),
        (
            "plasticity = { rule = \"stdp\", tau-plus = \"0 s\" }",
            ":42: B005 out of range: projection[0].plasticity.tau-plus: expected a time constant \
             above 0 and up to \"24 h\", found \"0 s\"",
        ),
    ] {
        let text = format!("{REFLEX}[[projection]]\nfrom = \"reflex\"\nto = \"reflex\"\n{key}\n");
        one(&text, &format!("b.toml:7{message}"));
    }
    one(
        &format!("[brain]\naxon = 1000\n{REFLEX}"),
        "b.toml:2:8: B005 out of range: brain.axon: expected a power of two from 2 to 1048576, \
         found 1000",
    );
}

#[test]
fn quantities_say_which_part_is_wrong() {
    one(
        "[brain]\ntick = \"10\"\n[[region]]\npath = \"a\"\nkind = \"alerts\"\n",
        "b.toml:2:8: B006 not a quantity: brain.tick: expected a duration from \"1 ns\" to \"1 h\" \
         (\"10\" has no unit), found \"10\"",
    );
    one(
        "[brain]\narena = \"1 mb\"\n[[region]]\npath = \"a\"\nkind = \"alerts\"\n",
        "b.toml:2:9: B006 not a quantity: brain.arena: expected a size such as \"64 KiB\" \
         from 65536 to 68719476736 (\"mb\" is not a unit), found \"1 mb\"",
    );
}

#[test]
fn a_region_that_is_not_there_is_looked_for() {
    one(
        &format!("{REFLEX}[[projection]]\nfrom = \"reflx\"\nto = \"reflex\"\n"),
        "b.toml:5:8: B007 unknown region: projection[0].from: expected the path of a region: \
         \"reflex\", \
         found \"reflx\"; did you mean \"reflex\"?",
    );
}

#[test]
fn a_path_belongs_to_one_region() {
    one(
        &format!("{REFLEX}{REFLEX}"),
        "b.toml:5:8: B008 used twice: region[1].path: expected a path that no other region has: \
         \"reflex\" is taken, found \"reflex\"",
    );
    one(
        "[[region]]\npath = \"a\"\nkind = \"host\"\n[[region]]\npath = \"a/door\"\nkind = \
         \"alerts\"\n",
        "b.toml:5:8: B008 used twice: region[1].path: expected a path that no other region has: \
         \"a/door\" is taken, found \"a/door\"",
    );
}

#[test]
fn contradictions_are_found() {
    let ends = "[[projection]]\nfrom = \"reflex\"\nto = \"reflex\"\n";
    one(
        &format!("{REFLEX}{ends}silent = true\n"),
        "b.toml:7:10: B009 contradiction: projection[0].silent: expected `plasticity` beside it: \
         a silent synapse that cannot learn does nothing, found true",
    );
    one(
        &format!("{REFLEX}{ends}p = 0.5\n"),
        "b.toml:7:5: B009 contradiction: projection[0].p: expected connect = \"random\" beside \
         it, or no `p`, \
         found 0.5",
    );
    one(
        "[[region]]\npath = \"out\"\nkind = \"alerts\"\n[[projection]]\nfrom = \"out\"\nto = \
         \"out\"\n",
        "b.toml:5:8: B009 contradiction: projection[0].from: expected a region that fires: \
         alerts, handlers and motor regions only leave the brain, found \"out\"",
    );
    one(
        "[[region]]\npath = \"a\"\nkind = \"lines\"\n[[region]]\npath = \"b\"\nkind = \"lines\"\n",
        "b.toml:5:8: B009 contradiction: region[1].path: expected an `input` of its own: \
         \"a\" reads standard input",
    );
    one(
        "[[region]]\npath = \"a\"\nkind = \"lines\"\nfollow = true\n",
        "b.toml:4:10: B009 contradiction: region[0].follow: expected a file in `input`: \
         standard input cannot be followed past its end, found true",
    );
}

#[test]
fn what_is_not_toml_is_located() {
    let found = messages("[brain]\nname = \n[[region]\n");
    assert!(found[0].starts_with("b.toml:2:"), "{found:?}");
    assert!(found.iter().all(|line| line.contains(": B010 not TOML: expected TOML 1.1, found ")));
    let found = messages("[brain]\nseed = 1\nseed = 2\n");
    assert_eq!(found, ["b.toml:3:1: B010 not TOML: expected TOML 1.1, found duplicate key"]);
}

#[test]
fn a_file_that_is_not_there_is_said_so() {
    let errors = Brain::read("no/such/brain.toml").unwrap_err();
    assert_eq!(errors.mistakes()[0].code, Code::Unreadable);
    assert_eq!(
        errors.to_string(),
        "no/such/brain.toml: B011 cannot be read: expected a brain description in TOML, \
         found No such file or directory (os error 2)"
    );
    #[cfg(unix)]
    assert!(Brain::read("/dev/zero").unwrap_err().to_string().contains("more than 1 MiB"));
}

#[test]
fn every_mistake_of_a_file_is_reported_in_its_order() {
    let text = "[brain]\ntick = 5\nsede = 1\n\n[[region]]\npath = \"a\"\nkind = \"host\"\nperiod \
     = \"1 day\"\n\
                [[projection]]\nfrom = \"a\"\nto = \"b\"\nweight = 7\nfilter = { \
                 priority-at-least = 256 }\n";
    let errors = Brain::parse(text, "b.toml").unwrap_err();
    let codes: Vec<(usize, Code)> = errors.mistakes().iter().map(|m| (m.line, m.code)).collect();
    assert_eq!(
        codes,
        [
            (2, Code::WrongType),
            (3, Code::UnknownKey),
            (8, Code::BadQuantity),
            (11, Code::UnknownRegion),
            (12, Code::OutOfRange),
            (13, Code::OutOfRange),
        ]
    );
}

/// A brain that gives events their meaning, to which a case adds keys of its concepts and of their projection.
fn meaning(concepts: &str, from: &str, projection: &str) -> String {
    format!(
        "[[region]]\npath = \"in\"\nkind = \"events\"\n\
         [[region]]\npath = \"out\"\nkind = \"handler\"\n\
         [[region]]\npath = \"language\"\nkind = \"concepts\"\n{concepts}\n\
         [[projection]]\nfrom = \"{from}\"\nto = \"out\"\n{projection}\n"
    )
}

const RAIN: &str = "[[region.concept]]\nname = \"rain\"\nexemplars = [\"it is raining\"]";

#[test]
fn concepts_are_told_what_is_wrong_with_them() {
    assert_eq!(messages(&meaning(RAIN, "language:rain", "")), Vec::<String>::new());
    for (concepts, from, projection, message) in [
        (
            "",
            "language",
            "",
            "region[2]: expected a `file` of concepts, or at least one [[region.concept]]",
        ),
        (
            "file = \"no/such.json\"",
            "language",
            "",
            "B011 cannot be read: region[2].file: expected a file of concepts as `neuronbus calibrate`",
        ),
        ("file = \"src\"", "language", "", "expected a file of concepts"),
        (
            "[[region.concept]]\nname = \" \"",
            "language",
            "",
            "B005 out of range: region[2].concept[0].name: expected a concept that makes sense",
        ),
        (
            "[[region.concept]]\nname = \"a\"\n[[region.concept]]\nname = \"a\"",
            "language",
            "",
            "B008 used twice: region[2].concept[1].name",
        ),
        ("[[region.concept]]\nnaem = \"a\"", "language", "", "did you mean \"name\"?"),
        (
            RAIN,
            "language:rian",
            "",
            "B004 unknown name: projection[0].from: expected a concept of the region: \"rain\", \
             found \"language:rian\"; did you mean \"rain\"?",
        ),
        (
            RAIN,
            "in:rain",
            "",
            "expected a whole region: only concepts are known by their names before a run",
        ),
        (RAIN, "out", "", "B009 contradiction: projection[0].from: expected a region that fires"),
        (
            RAIN,
            "language",
            "filter = { when = \"user.role = 'x'\" }",
            "B005 out of range: projection[0].filter.when: expected a filter expression ('=' begins",
        ),
    ] {
        let text = meaning(concepts, from, projection);
        let told = messages(&text).join("\n");
        assert!(told.contains(message), "{text}\n{told}");
    }
}

#[test]
fn what_is_known_at_first_is_a_table_for_each() {
    let region = "[[region]]\npath = \"c\"\nkind = \"context\"\n";
    let known =
        format!("{region}global = {{ a = [1, 2.5, \"x\", true] }}\n[region.users.ada]\nb = 1\n");
    let brain = Brain::parse(&known, "b.toml").expect("it is right");
    assert_eq!(brain.regions()[0].summary(), "knows something in 2 scopes at first");
    one(
        &format!("{region}users = {{ ada = 3 }}\n"),
        "b.toml:4:9: B003 wrong type: region[0].users: expected a table for each of `users`, such \
         as [region.users.ada], found { ada = 3 }",
    );
}

#[test]
fn a_memory_reads_within_a_tick() {
    let region = "[[region]]\npath = \"m\"\nkind = \"memory\"\n";
    one(
        &format!("{region}keep = 0.1\nforget = 0.2\n"),
        "b.toml:5:10: B009 contradiction: region[0].forget: expected at most `keep`: what is kept for \
         long must not be forgotten at once, found 0.2",
    );
    let brain = Brain::parse(&format!("{region}model = \"gpt\"\n"), "b.toml").expect("it is right");
    let mut builder = neuronbus::cortex::Cortex::builder();
    let refused = brain.assemble(&mut builder, neuronbus_connectome::Overrides::default());
    let told = refused.map(|_| ()).expect_err("there is no such model").to_string();
    assert!(told.starts_with("region m: no model is called \"gpt\""), "{told}");
}

#[test]
fn learning_is_told_what_is_wrong_with_it() {
    for (keys, message) in [
        ("plasticity = { rule = \"triplet\", a-plus = 1.0 }", "projection[0].plasticity.a-plus"),
        (
            "plasticity = { rule = \"triplet\", tau-x = \"0 s\" }",
            "B005 out of range: projection[0].plasticity.tau-x: expected a time constant",
        ),
        ("short-term = { utilisation = 1.5 }", "projection[0].short-term.utilisation"),
        ("short-term = { kind = \"loud\" }", "projection[0].short-term.kind"),
        ("scaling = { gain = 1 }", "projection[0].scaling.gain"),
        ("scaling = { target-hz = 0 }", "projection[0].scaling.target-hz"),
        (
            "structure = {}",
            "B009 contradiction: projection[0].structure: expected `plasticity` beside it",
        ),
        (
            "plasticity = { rule = \"stdp\" }\nstructure = { grow-weight = 2 }",
            "projection[0].structure.grow-weight: expected a number from",
        ),
        (
            "plasticity = { rule = \"stdp\" }\nstructure = { prune-below = 0.5 }",
            "projection[0].structure.grow-weight: expected a weight within `bounds`",
        ),
    ] {
        let text = format!("{REFLEX}[[projection]]\nfrom = \"reflex\"\nto = \"reflex\"\n{keys}\n");
        let told = Brain::parse(&text, "b.toml").unwrap_err().to_string();
        assert!(told.contains(message), "{keys}: {told}");
    }
}
