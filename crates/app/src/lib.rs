//! Room 6, use cases
