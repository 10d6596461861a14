//! What a request comes to: the answer, and what the object has to do with its alarm.

use super::answers::AccountAnswer;
use postern_jose::time::Timestamp;

/// An answer, and what the object must do with its alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountReply {
    /// For the Worker.
    pub answer: AccountAnswer,
    /// For the object itself.
    pub alarm: AlarmAction,
}

/// What the object has to do besides answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmAction {
    /// Leave the alarm as it is.
    Unchanged,
    /// Set the alarm to this time, in place of the one that is set; it calls [`Account::sweep`].
    Alarm(Timestamp),
    /// Nothing is stored any more: delete the alarm and the storage.
    Empty,
}

impl AccountReply {
    pub(super) const fn plain(answer: AccountAnswer) -> Self {
        Self { answer, alarm: AlarmAction::Unchanged }
    }
}
