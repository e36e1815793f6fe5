//! One-time passwords and recovery codes: each is accepted once, whoever submits it at the same moment (requirements M1,
//! M7). Every operation that asks for one comes through here.

use crate::auth::Inner;
use crate::client::ClientInfo;
use crate::error::{AuthError, ErrorKind};
use crate::event::EventKind;
use crate::id::{SessionId, UserId};
use crate::mfa::otp::{Otp, TotpCode};
use crate::mfa::seal::{Opened, Purpose};
use crate::mfa::totp::TotpSecret;
use crate::mfa::{RecoveryCode, Sealed, Step};
use crate::secret::OneTimePassword;
use crate::store::{ActiveFactor, SecondFactor, Swap};

impl Inner {
    /// Takes the one-time password, or the recovery code, of a user whose password was right and who has a second factor.
    ///
    /// # Errors
    /// `InvalidOtp` when it is missing, wrong, or was taken before; `Unavailable`.
    pub(super) async fn accept_otp(
        &self,
        user: &UserId,
        factor: &SecondFactor,
        otp: Option<&OneTimePassword>,
        client: &ClientInfo,
    ) -> Result<(), AuthError> {
        let Some(otp) = otp else {
            self.record(EventKind::OtpAsked, Some(*user), None, client);
            return Err(ErrorKind::InvalidOtp.into());
        };
        self.counted_otp(user, None, client, async {
            match (&factor.active, Otp::parse(otp.expose_secret())) {
                (Some(active), Some(Otp::Code(code))) => self.accept_code(user, active, &code).await,
                (Some(_), Some(Otp::Recovery(code))) => {
                    self.accept_recovery_code(user, &code, factor.recovery_codes_left, client).await
                }
                (None, _) | (_, None) => Ok(Swap::Lost),
            }
        })
        .await
    }

    /// Runs a check of a code behind the counter that codes have of their own: a failure until it is known to be none, as
    /// with passwords, and the right password does not clear it (requirement G6).
    ///
    /// # Errors
    /// `InvalidOtp` when the check is lost, `TooManyRequests` before it, and those of the check.
    pub(super) async fn counted_otp(
        &self,
        user: &UserId,
        session: Option<SessionId>,
        client: &ClientInfo,
        check: impl Future<Output = Result<Swap, AuthError>>,
    ) -> Result<(), AuthError> {
        let admission = self.throttle.admit_code(user, self.clock.now()).await?;
        match check.await {
            Ok(Swap::Won) => {
                self.throttle.succeed(admission).await;
                Ok(())
            }
            Ok(Swap::Lost) => {
                self.record(EventKind::OtpRefused, Some(*user), session, client);
                Err(ErrorKind::InvalidOtp.into())
            }
            Err(error) => {
                self.throttle.refund(admission).await;
                Err(error)
            }
        }
    }

    /// The step whose code this is now, if any.
    pub(super) fn step_of(&self, secret: &TotpSecret, code: &TotpCode) -> Option<Step> {
        secret.matching_step(code, self.clock.now(), self.config.mfa_window)
    }

    async fn accept_code(&self, user: &UserId, active: &ActiveFactor, code: &TotpCode) -> Result<Swap, AuthError> {
        let opened = match self.mfa_keys.open(&active.secret, Purpose::Factor(user)) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(target: "auth::mfa", %user, %error, "a user cannot sign in with a code");
                return Ok(Swap::Lost);
            }
        };
        let Some(step) = self.step_of(&opened.secret, code) else { return Ok(Swap::Lost) };
        // That the step is later than the last one read is not enough: the statement says whether this code is the first.
        let swap = self.factors.accept_step(user, step).await?;
        if swap == Swap::Won && opened.is_outdated() {
            self.seal_again(user, &active.secret, &opened).await;
        }
        Ok(swap)
    }

    async fn accept_recovery_code(
        &self,
        user: &UserId,
        code: &RecoveryCode,
        left_before: u64,
        client: &ClientInfo,
    ) -> Result<Swap, AuthError> {
        let hash = self.recovery_key.hash(user, code);
        let swap = self.factors.use_recovery_code(user, &hash, self.clock.now()).await?;
        if swap == Swap::Won {
            let left = left_before.saturating_sub(1);
            self.record(EventKind::RecoveryCodeUsed { left }, Some(*user), None, client);
        }
        Ok(swap)
    }

    /// Seals a secret under the current key, so that an older one can be taken away one day. The code counts without it.
    async fn seal_again(&self, user: &UserId, stored: &Sealed, opened: &Opened) {
        let resealed = match self.mfa_keys.seal(&opened.secret, Purpose::Factor(user), &*self.random) {
            Ok(sealed) => self.factors.reseal(user, stored, &sealed).await.map_err(AuthError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = resealed {
            tracing::warn!(target: "auth::mfa", %user, %error, "the secret stays sealed under an older key");
        }
    }
}
