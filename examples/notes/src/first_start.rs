//! The first admin.

use std::error::Error;

use auth_core::{Auth, Email, NewUser, Password, SecureRandom as _, SystemRandom};

/// Makes an admin from `ADMIN_EMAIL` and `ADMIN_PASSWORD` when there is no user yet. Without a password it makes one
/// and prints it, this once.
pub(crate) async fn create_admin(auth: &Auth) -> Result<(), Box<dyn Error>> {
    if auth.count_users().await? > 0 {
        return Ok(());
    }
    let email = std::env::var("ADMIN_EMAIL").unwrap_or_else(|_| "admin@example.com".to_owned());
    let address = Email::parse(&email).map_err(|error| format!("ADMIN_EMAIL: `{email}` is {error}"))?;
    let given = std::env::var("ADMIN_PASSWORD").ok().filter(|password| !password.is_empty());
    let password = match &given {
        Some(password) => password.clone(),
        None => generated()?,
    };
    let admin = NewUser::admin(address, Password::new(password.as_str()));
    auth.create_user(admin).await.map_err(|error| match error.source() {
        Some(reason) => format!("ADMIN_PASSWORD: {error}: {reason}"),
        None => format!("the first admin cannot be made: {error}"),
    })?;
    match given {
        Some(_) => println!("first start: made the admin {email} with the password from ADMIN_PASSWORD"),
        None => println!("first start: made the admin {email} with the password {password} (shown this once)"),
    }
    Ok(())
}

/// 96 random bits in letters that are hard to mistake.
fn generated() -> Result<String, Box<dyn Error>> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut bytes = [0; 20];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|letter| char::from(*letter)).collect())
}
