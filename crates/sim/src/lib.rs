//! Simulator and checker
