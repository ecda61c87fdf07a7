//! Room 3, the encrypted file
