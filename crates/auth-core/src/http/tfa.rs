//! The routes of the second factor: `POST /users/me/tfa/…`.

use serde::Serialize;

use super::body::Fields;
use super::problem::{Problem, Reason};
use super::reply::{Data, Reply};
use crate::auth::Auth;
use crate::client::ClientInfo;
use crate::error::{AuthError, ErrorKind};
use crate::mfa::RecoveryCode;
use crate::secret::{OneTimePassword, Password};
use crate::service::{EnableFactor, FactorProof, NewFactor};
use crate::token::Identity;

/// What is done with the second factor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tfa {
    Generate,
    Enable,
    Disable,
    RecoveryCodes,
}

impl Tfa {
    pub(super) async fn answer(
        self,
        auth: &Auth,
        identity: &Identity,
        fields: &Fields,
        client: &ClientInfo,
    ) -> Result<Reply, Problem> {
        match self {
            Self::Generate => Ok(generated(&generate(auth, identity, fields, client).await?)),
            Self::Enable => {
                let codes = enable(auth, identity, fields, client).await?;
                Ok(codes.map_or_else(|| Reply::new(204), |codes| shown(&codes)))
            }
            Self::Disable => {
                disable(auth, identity, fields, client).await?;
                Ok(Reply::new(204))
            }
            Self::RecoveryCodes => {
                let proof = proof(fields).map_err(Problem::payload)?;
                let codes = auth.replace_recovery_codes(identity, proof, client).await.map_err(refused)?;
                Ok(shown(&codes))
            }
        }
    }
}

pub(super) async fn generate(
    auth: &Auth,
    identity: &Identity,
    fields: &Fields,
    client: &ClientInfo,
) -> Result<NewFactor, Problem> {
    let password = fields.required("password").map_err(Problem::payload)?;
    Ok(auth.generate_second_factor(identity, Password::new(password), client).await?)
}

/// Gives the recovery codes to whoever asks for them.
pub(super) async fn enable(
    auth: &Auth,
    identity: &Identity,
    fields: &Fields,
    client: &ClientInfo,
) -> Result<Option<Vec<RecoveryCode>>, Problem> {
    let (request, shows_codes) = enabling(fields).map_err(Problem::payload)?;
    let codes = auth.enable_second_factor(identity, request, client).await.map_err(refused)?;
    Ok(shows_codes.then_some(codes))
}

pub(super) async fn disable(
    auth: &Auth,
    identity: &Identity,
    fields: &Fields,
    client: &ClientInfo,
) -> Result<(), Problem> {
    let proof = proof(fields).map_err(Problem::payload)?;
    auth.disable_second_factor(identity, proof, client).await.map_err(refused)
}

fn enabling(fields: &Fields) -> Result<(EnableFactor, bool), Reason> {
    let request = EnableFactor::new(fields.required("secret")?, proof(fields)?);
    let shows_codes = fields.flag("recovery_codes")?;
    Ok((if shows_codes { request.with_recovery_codes() } else { request }, shows_codes))
}

/// `otp`, and `password` when the login is not recent.
fn proof(fields: &Fields) -> Result<FactorProof, Reason> {
    let proof = FactorProof::new(OneTimePassword::new(fields.required("otp")?));
    Ok(match fields.optional("password")? {
        Some(password) => proof.password(Password::new(password)),
        None => proof,
    })
}

/// A wrong code is a wrong member of the body here, as Directus has it: the user is signed in.
fn refused(error: AuthError) -> Problem {
    match error.kind() {
        ErrorKind::InvalidOtp => Problem::payload(Reason::InvalidOtp),
        _ => error.into(),
    }
}

fn generated(new: &NewFactor) -> Reply {
    #[derive(Serialize)]
    struct Generated<'a> {
        secret: &'a str,
        otpauth_url: &'a str,
        qr_svg: &'a str,
    }
    let secret = new.secret.expose_secret();
    let (otpauth_url, qr_svg) = (new.otpauth_url.expose_secret(), new.qr_svg.expose_secret());
    Reply::json(200, &Data { data: Generated { secret: &secret, otpauth_url, qr_svg } })
}

fn shown(codes: &[RecoveryCode]) -> Reply {
    #[derive(Serialize)]
    struct Shown<'a> {
        recovery_codes: Vec<&'a str>,
    }
    let codes: Vec<_> = codes.iter().map(RecoveryCode::expose_secret).collect();
    let recovery_codes = codes.iter().map(|code| code.as_str()).collect();
    Reply::json(200, &Data { data: Shown { recovery_codes } })
}
