//! Lists and search. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{CallRow, CasePage, NotificationRow, QueueCounts, SearchPage};

super::bridge! {
    queue(QueueQuery) -> CasePage;
    queue_counts(Nothing) -> QueueCounts;
    search(SearchArgs) -> SearchPage;
    notifications(Nothing) -> Vec<NotificationRow>;
    calls(Nothing) -> Vec<CallRow>;
}
