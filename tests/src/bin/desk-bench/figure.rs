//! One figure: ours beside a limit of the same run, and whether the goal holds.

use serde::Serialize;

/// One line of the table. `ratio` is the median over the rounds, `worst` the worst round.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub goal: &'static str,
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub limit: f64,
    pub ratio: f64,
    pub worst: f64,
    pub target: f64,
    pub holds: bool,
}

/// What one round gave for both sides.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub ours: f64,
    pub limit: f64,
}

/// A single bad round may miss the goal by this much.
const WORST: f64 = 0.7;

impl Figure {
    /// A goal on the ratio of two things measured in turn.
    pub fn of_rounds(
        goal: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        target: f64,
        rounds: &[Round],
    ) -> Self {
        let ratios: Vec<f64> = rounds
            .iter()
            .map(|round| round.ours / round.limit)
            .collect();
        let ratio = median(&ratios);
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        Self {
            goal,
            name: name.into(),
            value: median(&column(rounds, |round| round.ours)),
            unit,
            limit: median(&column(rounds, |round| round.limit)),
            ratio,
            worst,
            target,
            holds: ratio <= target && worst <= target / WORST,
        }
    }

    /// A goal on one number.
    pub fn of_number(
        goal: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        limit: f64,
    ) -> Self {
        let ratio = value / limit;
        Self {
            goal,
            name: name.into(),
            value,
            unit,
            limit,
            ratio,
            worst: ratio,
            target: 1.0,
            holds: value <= limit,
        }
    }

    /// A goal on one number that should be large: the ratio is the goal over it.
    pub fn at_least(
        goal: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
        limit: f64,
    ) -> Self {
        let ratio = limit / value;
        Self {
            ratio,
            worst: ratio,
            holds: value >= limit,
            ..Self::of_number(goal, name, unit, value, limit)
        }
    }

    /// The line for people.
    pub fn line(&self) -> String {
        format!(
            "{:<4} {:<72} {:>10.3} {:<6} limit {:>10.3}  ratio {:>6.2} worst {:>6.2}  target {:>5.2}  {}",
            self.goal,
            self.name,
            self.value,
            self.unit,
            self.limit,
            self.ratio,
            self.worst,
            self.target,
            match (self.target.is_finite(), self.holds) {
                (false, _) => "no goal",
                (true, true) => "holds",
                (true, false) => "MISSED",
            }
        )
    }
}

fn column(rounds: &[Round], pick: impl Fn(&Round) -> f64) -> Vec<f64> {
    rounds.iter().map(pick).collect()
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which that part of them lies.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a few thousand samples, a part between 0 and 1"
)]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// How cost grows with size: 0 not at all, 1 in proportion.
pub fn slope(small: (usize, f64), large: (usize, f64)) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "numbers of cases")]
    let grown = large.0 as f64 / small.0 as f64;
    (large.1 / small.1).ln() / grown.ln()
}
