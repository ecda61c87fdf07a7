//! Room 5, documents
