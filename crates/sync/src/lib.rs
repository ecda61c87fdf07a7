//! Room 4, courier
