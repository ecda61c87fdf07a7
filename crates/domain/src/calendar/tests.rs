use proptest::prelude::*;

use super::*;

fn calendar() -> Calendar {
    Calendar::shipped().unwrap()
}

fn day(month: u32, of_month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, of_month).unwrap()
}

/// An instant of 2026 in Shanghai.
fn at(month: u32, of_month: u32, hour: i64, minute: i64) -> Millis {
    join_local(day(month, of_month), (hour * 60 + minute) * MINUTE_MS)
}

#[test]
fn malformed_tables_are_refused() {
    let table = |off: &str, work: &str| {
        format!(
            "year = 2027\nsource_no = \"x\"\npublished_on = \"2026-11-04\"\noff = [{off}]\nwork = [{work}]"
        )
    };
    let read = |text: String| Calendar::from_tables(&[&text]).map(|_| ());
    assert!(read(table("", "")).is_ok());
    assert!(matches!(
        read("year = 2027".to_owned()),
        Err(CalendarError::Table(_))
    ));
    assert!(matches!(
        read(table("", "\"2026-01-04\"")),
        Err(CalendarError::Range)
    ));
    let reversed = table("{ from = \"2027-01-03\", until = \"2027-01-01\" }", "");
    assert!(matches!(read(reversed), Err(CalendarError::Range)));
    let endless = table("{ from = \"2027-01-01\", until = \"2027-12-31\" }", "");
    assert!(matches!(read(endless), Err(CalendarError::Range)));
    let both = table(
        "{ from = \"2027-01-02\", until = \"2027-01-03\" }",
        "\"2027-01-03\"",
    );
    assert!(matches!(read(both), Err(CalendarError::Contradiction)));
    assert!(OfficeHours::new(600, 600).is_err());
    assert!(OfficeHours::new(600, 1441).is_err());
    assert!(
        serde_json::from_str::<OfficeHours>(r#"{"opens_minute":9,"closes_minute":3}"#).is_err()
    );
}

#[test]
fn published_holidays_and_make_up_days_are_known() {
    let calendar = calendar();
    let ranges = [
        (1, 1, 3),
        (2, 15, 23),
        (4, 4, 6),
        (5, 1, 5),
        (6, 19, 21),
        (9, 25, 27),
        (10, 1, 7),
    ];
    for (month, from, until) in ranges {
        for of_month in from..=until {
            assert!(
                !calendar.is_working_day(day(month, of_month)).value,
                "{month}-{of_month}"
            );
        }
    }
    for (month, of_month) in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)] {
        assert!(
            calendar.is_working_day(day(month, of_month)).value,
            "{month}-{of_month}"
        );
    }
    assert!(calendar.is_working_day(day(2, 13)).value);
    assert!(!calendar.is_working_day(day(3, 1)).value);
    assert_eq!(calendar.source_of(2026), Some("国办发明电〔2025〕7号"));
}

#[test]
fn two_working_days_end_where_people_expect() {
    for (start, due) in [
        (at(2, 13, 17, 0), day(2, 24)),
        (at(9, 30, 10, 0), day(10, 9)),
        (at(9, 19, 10, 0), day(9, 21)),
        (at(4, 30, 10, 0), day(5, 7)),
        (at(1, 4, 10, 0), day(1, 6)),
    ] {
        let reckoned = calendar().add_working_days(start, 2);
        assert_eq!(
            reckoned,
            Reckoned {
                value: due,
                uncertain: false
            }
        );
    }
}

#[test]
fn a_start_after_closing_belongs_to_the_next_day() {
    let calendar = calendar();
    assert_eq!(
        calendar.add_working_days(at(3, 2, 17, 29), 1).value,
        day(3, 3)
    );
    assert_eq!(
        calendar.add_working_days(at(3, 2, 17, 30), 1).value,
        day(3, 4)
    );
    assert_eq!(
        calendar.add_working_days(at(3, 6, 18, 0), 1).value,
        day(3, 9)
    );
    assert_eq!(
        calendar.add_working_days(at(3, 7, 12, 0), 1).value,
        day(3, 9)
    );
}

#[test]
fn an_unknown_year_is_uncertain() {
    let calendar = calendar();
    let new_year = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
    assert_eq!(
        calendar.is_working_day(new_year),
        Reckoned {
            value: true,
            uncertain: true
        }
    );
    assert!(calendar.add_working_days(at(12, 30, 10, 0), 2).uncertain);
    assert!(!calendar.add_working_days(at(12, 28, 10, 0), 2).uncertain);
    assert!(
        calendar
            .deadline(at(12, 31, 17, 0), Target::WorkingMinutes(240))
            .uncertain
    );
}

#[test]
fn working_minutes_skip_nights_weekends_and_holidays() {
    let calendar = calendar();
    for (start, minutes, end) in [
        (at(3, 2, 10, 0), 30, at(3, 2, 10, 30)),
        (at(3, 2, 8, 0), 30, at(3, 2, 9, 30)),
        (at(3, 2, 17, 0), 30, at(3, 2, 17, 30)),
        (at(3, 2, 17, 0), 31, at(3, 3, 9, 1)),
        (at(3, 6, 16, 0), 240, at(3, 9, 11, 30)),
        (at(2, 14, 17, 0), 60, at(2, 24, 9, 30)),
        (at(3, 7, 3, 0), 0, at(3, 7, 3, 0)),
    ] {
        assert_eq!(calendar.add_working_minutes(start, minutes).value, end);
    }
}

#[test]
fn the_hours_of_an_office_count() {
    let hours = OfficeHours::new(9 * 60, 12 * 60).unwrap();
    let calendar = calendar().with_hours(hours);
    assert_eq!(
        calendar.add_working_minutes(at(3, 2, 11, 0), 90).value,
        at(3, 3, 9, 30)
    );
    assert_eq!(calendar.hours().minutes_per_day(), 180);
}

#[test]
fn pauses_do_not_count_and_may_overlap() {
    let calendar = calendar();
    let pauses = [
        Pause {
            from: at(3, 2, 10, 0),
            until: at(3, 2, 12, 0),
        },
        Pause {
            from: at(3, 2, 11, 0),
            until: at(3, 2, 13, 0),
        },
        Pause {
            from: at(3, 2, 16, 0),
            until: at(3, 2, 15, 0),
        },
    ];
    let between = |from, until| calendar.working_minutes_between(from, until, &pauses).value;
    assert_eq!(between(at(3, 2, 9, 0), at(3, 2, 14, 0)), 120);
    assert_eq!(between(at(3, 2, 11, 0), at(3, 2, 12, 0)), 0);
    assert_eq!(between(at(3, 2, 14, 0), at(3, 2, 9, 0)), 0);
    assert_eq!(between(at(3, 1, 0, 0), at(3, 3, 10, 0)), 510 - 180 + 60);
}

#[test]
fn deadlines_warn_after_three_quarters() {
    let calendar = calendar();
    let deadline = calendar.deadline(at(3, 2, 10, 0), Target::WorkingMinutes(240));
    let expected = Deadline {
        warn_at: at(3, 2, 13, 0),
        due_at: at(3, 2, 14, 0),
        uncertain: false,
    };
    assert_eq!(deadline, expected);
    let days = calendar.deadline(at(3, 2, 9, 0), Target::WorkingDays(1));
    assert_eq!(days.due_at, at(3, 3, 17, 30));
    assert_eq!(days.warn_at, at(3, 3, 13, 15));
}

#[test]
fn a_pause_moves_the_deadline_by_its_working_time() {
    let calendar = calendar();
    let pause = Pause {
        from: at(3, 2, 12, 0),
        until: at(3, 3, 10, 0),
    };
    let target = Target::WorkingMinutes(240);
    let deadline = calendar.deadline_with_pauses(at(3, 2, 10, 0), target, &[pause]);
    assert_eq!(deadline.due_at, at(3, 3, 12, 0));
    assert_eq!(deadline.warn_at, at(3, 3, 11, 0));
}

#[test]
fn days_are_those_of_shanghai() {
    assert_eq!(shanghai_day(0), epoch());
    assert_eq!(
        shanghai_day(16 * 60 * MINUTE_MS),
        epoch().succ_opt().unwrap()
    );
    assert_eq!(
        shanghai_day(-8 * 60 * MINUTE_MS - 1),
        epoch().pred_opt().unwrap()
    );
}

proptest! {
    #[test]
    fn minutes_added_are_minutes_between(start in at(1, 1, 0, 0)..at(11, 1, 0, 0), minutes in 0_u32..9_000) {
        let calendar = calendar();
        let end = calendar.add_working_minutes(start, minutes).value;
        prop_assert_eq!(calendar.working_minutes_between(start, end, &[]).value, i64::from(minutes));
    }

    #[test]
    fn a_later_start_is_never_due_earlier(start in at(1, 1, 0, 0)..at(11, 1, 0, 0), later in 0..10 * DAY_MS, count in 0_u32..20) {
        let calendar = calendar();
        let target = Target::WorkingDays(count);
        let due = calendar.deadline(start, target).due_at;
        let after = calendar.deadline(start + later, target).due_at;
        prop_assert!(due <= after || count == 0);
    }

    #[test]
    fn no_instant_makes_it_fall_over(start in any::<i64>(), count in 0_u32..5, from in any::<i64>(), until in any::<i64>()) {
        let calendar = calendar();
        let pauses = [Pause { from, until }];
        let _ = calendar.deadline_with_pauses(start, Target::WorkingDays(count), &pauses);
        let _ = calendar.deadline_with_pauses(start, Target::WorkingMinutes(count), &pauses);
        let _ = calendar.working_minutes_between(from, until, &pauses);
    }
}
