//! Templates of plain text.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use neuronbus_host::severity::Severity;
use neuronbus_host::template::{MASK, TEMPLATE_MAX, template};
use proptest::prelude::*;

fn of(line: &str) -> String {
    let mut out = String::new();
    template(line, &mut out);
    out
}

#[test]
fn what_varies_is_masked_and_the_rest_stays() {
    let cases = [
        (
            "connection from 10.0.0.7 port 5123 closed in 12ms",
            "connection from <*> port <*> closed in <*>ms",
        ),
        ("from 10.0.0.7:5123: reset", "from <*>: reset"),
        ("job 550e8400-e29b-41d4-a716-446655440000 done", "job <*> done"),
        ("commit deadbeef12 by cafe", "commit <*> by cafe"),
        ("at 0xFFEE in fe80::1ff:fe23:4567:890a", "at <*> in <*>"),
        ("2024-01-02 12:30:01.123 up", "<*> <*> up"),
        ("2024-01-02T12:30:01.123Z up", "<*>-<*>-<*>T<*>Z up"),
        ("eth0: link up", "eth<*>: link up"),
        ("retry=3,delay=0.5s", "retry=<*>,delay=<*>s"),
        ("feed the dead beef", "feed the dead beef"),
        ("12d left, node-7 of v1.2.3", "<*>d left, node-<*> of v<*>"),
        ("tabs\tand   spaces \u{7}bell", "tabs and spaces bell"),
        ("größe 5 übrig", "größe <*> übrig"),
        ("  \t ", "(blank)"),
        ("", "(blank)"),
        ("42", MASK),
    ];
    for (line, expected) in cases {
        assert_eq!(of(line), expected, "{line:?}");
    }
}

#[test]
fn lines_that_differ_in_numbers_only_share_a_template() {
    let lines = (0..1000u32).map(|n| format!("worker {n} took {}ms at 0x{n:x}", n * 7919));
    let templates: std::collections::BTreeSet<String> = lines.map(|line| of(&line)).collect();
    assert_eq!(templates.into_iter().collect::<Vec<_>>(), ["worker <*> took <*>ms at <*>"]);
}

#[test]
fn the_first_words_of_a_line_name_its_severity() {
    let cases = [
        ("ERROR cannot open", Severity::Error),
        ("2024-01-02T12:30:01 host app[77]: WARNING low disk", Severity::Warn),
        ("[debug] tick", Severity::Debug),
        ("<crit> bus", Severity::Fatal),
        ("all is well", Severity::Info),
        ("one two three four five six seven error", Severity::Info),
        ("errors are not the word", Severity::Info),
    ];
    for (line, expected) in cases {
        assert_eq!(Severity::of_text(line), expected, "{line:?}");
    }
}

#[test]
fn severity_numbers_are_those_of_syslog_and_of_pino() {
    let syslog: Vec<_> = (0..8).map(|n| Severity::of_number(f64::from(n)).unwrap()).collect();
    assert!(syslog.is_sorted_by(|worse, better| worse >= better));
    let pino: Vec<_> = (1..7).map(|n| Severity::of_number(f64::from(n * 10)).unwrap()).collect();
    use Severity::{Debug, Error, Fatal, Info, Trace, Warn};
    assert_eq!(pino, [Trace, Debug, Info, Warn, Error, Fatal]);
    for none in [-1.0, 70.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Severity::of_number(none), None);
    }
}

proptest! {
    #[test]
    fn a_template_is_a_name(line in any::<String>()) {
        let template = of(&line);
        prop_assert!(!template.is_empty() && template.len() <= TEMPLATE_MAX);
        prop_assert!(!template.chars().any(char::is_control));
    }

    #[test]
    fn no_decimal_digit_survives(line in "[ -~]{0,120}") {
        prop_assert!(!of(&line).bytes().any(|b| b.is_ascii_digit()));
    }

    #[test]
    fn the_template_of_a_template_is_itself(line in "[ -~]{0,60}") {
        let once = of(&line);
        prop_assert_eq!(of(&once), once);
    }

    #[test]
    fn digits_can_be_replaced_by_other_digits(line in "[a-z =,]{0,20}", a in 0u32.., b in 0u32..) {
        prop_assert_eq!(of(&format!("{line} {a} {line}")), of(&format!("{line} {b} {line}")));
    }
}
