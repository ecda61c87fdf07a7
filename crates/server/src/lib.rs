//! Room 7, office
