//! What a broken step said, told once more at the end: who reads a long log reads its last page.

/// Lines told again for one step; the log above has the rest.
const LINES: usize = 120;
/// Letters of one line.
const LETTERS: usize = 400;

/// The part of `text` that says why the step failed: the failures of cargo's test runner where it names any, else the
/// lines in which another runner marks one, else the end.
pub fn told(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = of_cargo(&lines);
    if found.is_empty() {
        found = marked(&lines);
    }
    if found.is_empty() {
        let from = lines.len().saturating_sub(LINES / 3);
        found = lines.iter().skip(from).copied().collect();
    }
    found.truncate(LINES);
    found.into_iter().map(short).collect()
}

/// From the first `failures:` of each run to its closing line.
fn of_cargo<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in lines {
        inside |= *line == "failures:";
        if inside {
            found.push(*line);
        }
        if line.starts_with("test result:") {
            inside = false;
        }
    }
    found
}

/// vitest and Playwright mark a failure by a cross or a word; a few lines after it say what was expected.
fn marked<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    const AFTER: usize = 12;
    let mut found = Vec::new();
    let mut left = 0;
    for line in lines {
        if ["✘", "FAIL", "Error:", "error:", "error["]
            .iter()
            .any(|mark| line.contains(mark))
        {
            left = AFTER;
        }
        if left > 0 {
            found.push(*line);
            left -= 1;
        }
    }
    found
}

fn short(line: &str) -> String {
    line.chars().take(LETTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::{LINES, told};

    #[test]
    fn failures_of_cargo_are_told_with_their_reason_and_without_the_passed_ones() {
        let text = "running 2 tests\n.F\nfailures:\n\n---- a::b stdout ----\nleft: 1\n\nfailures:\n    a::b\n\n\
                    test result: FAILED. 1 passed; 1 failed\nrunning 9 tests\n.........\n";
        let told = told(text);
        assert!(told.contains(&"left: 1".to_owned()));
        assert!(told.contains(&"    a::b".to_owned()));
        assert!(!told.iter().any(|line| line.starts_with("running")));
    }

    #[test]
    fn other_runners_are_told_by_their_marks() {
        let told = told("fine\n  ✘  3 [pages] › a.spec.mjs\n    expected 2\n");
        assert_eq!(told, ["  ✘  3 [pages] › a.spec.mjs", "    expected 2"]);
    }

    #[test]
    fn a_step_that_names_nothing_is_told_by_its_end_and_never_at_length() {
        let long = format!("{}\n", "字".repeat(9_000)).repeat(500);
        let told = told(&long);
        assert!(!told.is_empty() && told.len() <= LINES);
        assert!(told.iter().all(|line| line.chars().count() <= 400));
    }
}
