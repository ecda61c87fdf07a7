//! Room 2, rules
