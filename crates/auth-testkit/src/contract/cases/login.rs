//! x
use crate::contract::Subject;
/// x
pub async fn a_login(s: &Subject) {
    s.login(s.user()).await;
}
