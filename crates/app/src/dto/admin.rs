//! The admin's place: people, desks, offices, what holds, and what was done. No case content.

use super::QrView;
use super::case_screen::dto;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

dto! {
    /// Exactly the page that was asked for.
    AdminScreen {
        overview: Option<AdminOverviewView>,
        people: Option<AdminPeopleView>,
        desks: Option<AdminDesksView>,
        log: Option<AdminLogView>,
    }
    /// What an act changed, as it is then.
    AdminDone {
        overview: Option<AdminOverviewView>,
        person: Option<AdminPersonView>,
        desk: Option<AdminDeskView>,
        /// Shown once.
        code: Option<IssuedCodeView>,
        /// Shown once.
        factor: Option<IssuedFactorView>,
        /// Desks of somebody who leaves.
        desks: Vec<AdminDeskView>,
    }
    AdminOverviewView {
        offices: Vec<AdminOfficeView>,
        second_factor: bool,
        two_admins: bool,
        policy_version: u32,
        #[ts(type = "number")] policy_since: i64,
        waiting: Option<WaitingPolicyView>,
    }
    AdminOfficeView { code: String, name: String, parent: Option<String>, people: u32, desks: u32, waiting: u32 }
    WaitingPolicyView {
        version: u32,
        #[ts(type = "number")] proposed_at: i64,
        proposed_by: Option<String>,
        changes: Vec<PolicyChangeView>,
    }
    PolicyChangeView { key: String, from: String, to: String, eases: bool }
    AdminPeopleView { people: Vec<AdminPersonView>, more: bool }
    AdminPersonView {
        user: String,
        login: String,
        name: String,
        roles: Vec<String>,
        employer: String,
        offices: Vec<String>,
        active: bool,
        /// Acts are possible.
        mine: bool,
        settled: bool,
        second_factor: bool,
        invitation: Option<AdminInvitationView>,
    }
    AdminInvitationView { is_reset: bool, office: String, #[ts(type = "number")] expires_at: i64 }
    IssuedCodeView { code: String, office: String, #[ts(type = "number")] expires_at: i64 }
    IssuedFactorView { qr: Option<QrView>, address: String, recovery_codes: Vec<String> }
    AdminDesksView { desks: Vec<AdminDeskView>, more: bool }
    AdminDeskView {
        device: String,
        office: String,
        device_code: String,
        label: String,
        /// pending, active or revoked.
        status: String,
        #[ts(type = "number")] enrolled_at: i64,
        fingerprint: String,
        approve_barred: Option<String>,
        /// none, ordered or done.
        wipe: String,
        acts: Vec<AdminActView>,
        events: Vec<AdminEventView>,
        /// The desk in front of this person.
        here: bool,
    }
    AdminActView { #[ts(type = "number")] at: i64, what: String, by: Option<String>, reason: String }
    AdminEventView { #[ts(type = "number")] last_at: i64, what: String, times: u32 }
    AdminLogView { lines: Vec<AdminLineView>, more: bool }
    AdminLineView { #[ts(type = "number")] at: i64, by: String, what: String, subject: String, detail: String }
}
