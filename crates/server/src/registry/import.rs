//! From a file into the register: judged whole, then applied in portions under one run.

use super::cells::Row;
use super::checking::{Judging, Remark, check, read_again};
use super::counts::Counts;
use super::error::RegistryError;
use super::error_book::ErrorBook;
use super::facts::{Draft, RowFacts, key_of};
use super::header::{Header, find_header};
use super::source::Source;
use super::survey::Survey;
use super::{MOST_ROWS, PORTION, Registry, Tell};
use crate::repo::registry::{NewRun, RunState};
use crate::repo::{bindings, register_apply, registry};
use desk_domain::ids::OfficeCode;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Refused rows, and rows with doubts, that are told; the error workbook has all that are refused.
const MOST_TOLD: u64 = 20;

/// What is done with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Says what would change and writes nothing.
    DryRun,
    /// Imports nothing when a row is refused.
    AllOrNothing,
    /// Imports the rows that are not refused.
    AcceptValid,
}

/// One import, as it was asked for.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    pub file: PathBuf,
    /// For rows that name no office.
    pub office: Option<OfficeCode>,
    pub sheet: Option<String>,
    pub mode: Mode,
    /// Where the error workbook goes; none is written when nothing is refused.
    pub errors: Option<PathBuf>,
    /// Who asks, for the history.
    pub run_by: String,
}

/// One file on its way.
struct Job<'a> {
    registry: &'a Registry<'a>,
    source: Source,
    header: Header,
    judging: Judging,
    offices: BTreeSet<OfficeCode>,
    survey: Survey,
    /// Lines that will not be imported.
    refused: BTreeSet<u32>,
    counts: Counts,
}

impl Registry<'_> {
    /// Imports a file, or says what it would change. Returns the run and what it came to.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] when rows are refused and the mode is all or nothing; whatever stops the file as a
    /// whole. A run that was cut short is finished by importing the same file again.
    pub fn import(
        &self,
        options: &ImportOptions,
        tell: Tell<'_>,
    ) -> Result<(Option<u64>, Counts), RegistryError> {
        let mut job = self.look_at(options)?;
        let say = |error| RegistryError::Told(Box::new(error));
        let sheet = job.source.sheet().map(|sheet| format!(", sheet {sheet}"));
        let (name, line) = (&job.source.name, job.header.last_line);
        tell(&format!(
            "{name}{}, header ends in row {line}",
            sheet.unwrap_or_default()
        ))
        .map_err(say)?;
        let ignored = job.header.ignored();
        if !ignored.is_empty() {
            tell(&format!("columns ignored: {}", ignored.join(", "))).map_err(say)?;
        }
        job.survey_rows()?;
        job.judge_rows(options, tell)?;
        let refused = job.counts.refused;
        match options.mode {
            Mode::AllOrNothing if refused > 0 => {
                let rows = job.counts.rows;
                tell(&job.counts.to_string()).map_err(say)?;
                Err(RegistryError::Refused { refused, rows })
            }
            Mode::DryRun => Ok((None, job.preview(tell)?)),
            Mode::AllOrNothing | Mode::AcceptValid => job.apply(options, tell),
        }
    }

    fn look_at(&self, options: &ImportOptions) -> Result<Job<'_>, RegistryError> {
        let offices = self.offices()?;
        if let Some(office) = options
            .office
            .as_ref()
            .filter(|code| !offices.contains(code))
        {
            return Err(RegistryError::UnknownOffice(office.to_string()));
        }
        let is_same = |errors: &PathBuf| matches!((errors.canonicalize(), options.file.canonicalize()), (Ok(one), Ok(two)) if one == two);
        if options.errors.as_ref().is_some_and(is_same) {
            return Err(RegistryError::SameFile);
        }
        let mut source = Source::open(&options.file, options.sheet.as_deref())?;
        let header = find_header(&source.first_rows()?)?;
        // The one office of a small installation need not be named.
        let only = if offices.len() == 1 {
            offices.first()
        } else {
            None
        };
        Ok(Job {
            registry: self,
            source,
            header,
            judging: Judging {
                now: self.house.rules.clock.now(),
                office: options.office.clone().or_else(|| only.cloned()),
            },
            offices,
            survey: Survey::default(),
            refused: BTreeSet::new(),
            counts: Counts::default(),
        })
    }
}

impl Job<'_> {
    /// Walks over the rows below the header.
    fn each_below(
        &mut self,
        visit: &mut dyn FnMut(&mut Self, Row) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        // The source is borrowed while it is walked; the rest of the job is free meanwhile.
        let mut source = self.source.another()?;
        source.each_row(&mut |row| {
            if row.line > self.header.last_line {
                visit(self, row)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    fn survey_rows(&mut self) -> Result<(), RegistryError> {
        let mut rows = 0;
        self.each_below(&mut |job, row| {
            rows += 1;
            if rows > MOST_ROWS {
                return Err(RegistryError::TooManyRows);
            }
            let checked = check(&row, &job.header, &job.judging);
            if let Some(facts) = &checked.facts {
                job.survey.see(facts);
            }
            Ok(())
        })
    }

    fn judge_rows(&mut self, options: &ImportOptions, tell: Tell<'_>) -> Result<(), RegistryError> {
        let mut book: Option<ErrorBook> = None;
        self.each_below(&mut |job, row| {
            let checked = check(&row, &job.header, &job.judging);
            job.counts.rows += 1;
            let mut problems = checked.problems;
            if let Some(facts) = &checked.facts {
                problems.extend(job.judge(facts)?);
            }
            if problems.is_empty() {
                if let Some(facts) = &checked.facts {
                    job.survey.expect(facts);
                }
                return job.warn(&row, &checked.warnings, tell);
            }
            job.counts.refused += 1;
            job.refused.insert(row.line);
            if job.counts.refused <= MOST_TOLD {
                tell(&job.line("refused", &row, &problems))
                    .map_err(|error| RegistryError::Told(Box::new(error)))?;
            }
            if let Some(path) = &options.errors {
                let book = match &mut book {
                    Some(book) => book,
                    None => book.insert(ErrorBook::create(path, &job.header)?),
                };
                book.add(&row, &problems, &job.header)?;
            }
            Ok(())
        })?;
        book.map_or(Ok(()), ErrorBook::finish)
    }

    /// What stands against a good row: other rows, other offices.
    fn judge(&self, facts: &RowFacts) -> Result<Vec<Remark>, RegistryError> {
        let mut problems = self.survey.judge(facts, &self.header);
        let column = |field| {
            self.header
                .fields
                .iter()
                .position(|one| *one == Some(field))
        };
        if !self.offices.contains(&facts.office) {
            problems.push(Remark {
                column: column(super::Field::Office),
                text: "没有这个网点：请先用 office add 添加".to_owned(),
            });
        } else if let Some(terminal) = &facts.terminal
            && self.offices.len() > 1
        {
            let repo = &self.registry.house.repo;
            let held = repo.read_blocking(|conn| {
                bindings::held_elsewhere(conn, &facts.office, &terminal.serial, &facts.merchant.no)
            })?;
            problems.extend(held.map(|office| Remark {
                column: column(super::Field::Serial),
                text: format!("序列号已在网点 {office} 的另一商户名下：请先在该网点解绑"),
            }));
        }
        Ok(problems)
    }

    /// Counts a row that is imported with doubts, and tells the first of them.
    fn warn(
        &mut self,
        row: &Row,
        warnings: &[Remark],
        tell: Tell<'_>,
    ) -> Result<(), RegistryError> {
        if warnings.is_empty() {
            return Ok(());
        }
        self.counts.warnings += 1;
        if self.counts.warnings <= MOST_TOLD {
            tell(&self.line("warning", row, warnings))
                .map_err(|error| RegistryError::Told(Box::new(error)))?;
        }
        Ok(())
    }

    fn line(&self, word: &str, row: &Row, problems: &[Remark]) -> String {
        let reasons: Vec<String> = problems
            .iter()
            .map(|problem| {
                let heading = problem.column.and_then(|at| self.header.headings.get(at));
                heading.map_or_else(
                    || problem.text.clone(),
                    |heading| format!("{heading}: {}", problem.text),
                )
            })
            .collect();
        format!("{word} row {}: {}", row.line, reasons.join("; "))
    }

    /// Gathers merchants; each is handed over when its last row has come.
    fn each_draft(
        &mut self,
        visit: &mut dyn FnMut(Draft) -> Result<(), RegistryError>,
    ) -> Result<(), RegistryError> {
        let mut open: BTreeMap<String, Draft> = BTreeMap::new();
        self.each_below(&mut |job, row| {
            if job.refused.contains(&row.line) {
                return Ok(());
            }
            let facts =
                read_again(&row, &job.header, &job.judging).ok_or(RegistryError::Changed)?;
            let is_last = job.survey.arrived(&facts).ok_or(RegistryError::Changed)?;
            let key = key_of(&facts.office, &facts.merchant.no);
            let draft = match open.remove(&key) {
                Some(mut draft) => {
                    draft.join(facts);
                    draft
                }
                None => Draft::of(facts),
            };
            if is_last {
                visit(draft)
            } else {
                open.insert(key, draft);
                Ok(())
            }
        })?;
        if open.is_empty() {
            Ok(())
        } else {
            Err(RegistryError::Changed)
        }
    }

    fn preview(mut self, tell: Tell<'_>) -> Result<Counts, RegistryError> {
        let mut counts = self.counts;
        let house = self.registry.house;
        self.each_draft(&mut |draft| {
            let (one, lines) = house
                .repo
                .read_blocking(|conn| register_apply::preview(conn, &house.rules, &draft))?;
            counts = counts.and(one);
            for line in lines {
                tell(&line).map_err(|error| RegistryError::Told(Box::new(error)))?;
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn apply(
        mut self,
        options: &ImportOptions,
        tell: Tell<'_>,
    ) -> Result<(Option<u64>, Counts), RegistryError> {
        let repo = &self.registry.house.repo;
        let sha256 = self.source.sha256.clone();
        let before = repo.read_blocking(|conn| registry::import_of(conn, &sha256))?;
        let (run, so_far) = self.begin(options)?;
        let done = self.apply_portions((run, so_far))?;
        let counts = Counts {
            rows: self.counts.rows,
            refused: self.counts.refused,
            warnings: self.counts.warnings,
            ..done
        };
        let now = self.registry.house.rules.clock.now();
        repo.write_blocking(move |conn| {
            registry::put_counts(conn, run, &counts)?;
            registry::put_state(conn, run, RunState::Done, now)
        })?;
        if let Some(before) = before.filter(|_| counts.changed_nothing()) {
            tell(&format!(
                "the same file as run {}: nothing changed",
                before.run
            ))
            .map_err(|error| RegistryError::Told(Box::new(error)))?;
        }
        Ok((Some(run), counts))
    }

    /// A new run, or the one of the same file that was cut short.
    fn begin(&self, options: &ImportOptions) -> Result<(u64, Counts), RegistryError> {
        let repo = &self.registry.house.repo;
        if let Some(open) = repo.read_blocking(registry::unfinished)? {
            return if open.undoes.is_none() && open.sha256 == self.source.sha256 {
                Ok((open.run, open.counts))
            } else {
                Err(RegistryError::Unfinished(open.undoes.unwrap_or(open.run)))
            };
        }
        let new = NewRun {
            undoes: None,
            file_name: self.source.name.clone(),
            sha256: self.source.sha256.clone(),
            run_by: options.run_by.clone(),
            started_at: self.judging.now,
        };
        let run = repo.write_blocking(move |conn| registry::begin(conn, &new))?;
        Ok((run, Counts::default()))
    }

    fn apply_portions(&mut self, (run, so_far): (u64, Counts)) -> Result<Counts, RegistryError> {
        let house = self.registry.house;
        let write = |drafts: Vec<Draft>, so_far: Counts| {
            let rules = house.rules.clone();
            house.repo.write_blocking(move |conn| {
                register_apply::import(conn, &rules, (run, so_far), &drafts)
            })
        };
        let (mut counts, mut portion, mut merchants) = (so_far, Vec::new(), 0_u64);
        self.each_draft(&mut |draft| {
            merchants += 1;
            portion.push(draft);
            if portion.len() == PORTION {
                counts = write(std::mem::take(&mut portion), counts)?;
                desk_failpoint::reached("server.import.after_portion");
            }
            Ok(())
        })?;
        if !portion.is_empty() {
            counts = write(portion, counts)?;
        }
        // A resumed run finds unchanged what it changed before it was cut short.
        counts.merchants_unchanged = merchants
            .saturating_sub(counts.merchants_new)
            .saturating_sub(counts.merchants_changed);
        Ok(counts)
    }
}
