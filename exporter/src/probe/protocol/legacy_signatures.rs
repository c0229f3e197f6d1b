//! Signatures that Windows still takes on certificates of an own authority, and rustls does not: SHA-1, and RSA keys from
//! 1024 bits on. A target's Agent goes on with them, so they count where its judgement is foretold.

use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaParameters, UnparsedPublicKey,
};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs as default};
use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use std::fmt;
use std::sync::LazyLock;

struct Rsa {
    signature: AlgorithmIdentifier,
    parameters: &'static RsaParameters,
}

impl fmt::Debug for Rsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rsa").field("signature", &self.signature).finish_non_exhaustive()
    }
}

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(self.parameters, key).verify(message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// `sha1WithRSAEncryption` of RFC 3279, with its NULL.
const RSA_PKCS1_SHA1: AlgorithmIdentifier =
    AlgorithmIdentifier::from_slice(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00");

static LEGACY: [Rsa; 3] = [
    Rsa { signature: RSA_PKCS1_SHA1, parameters: &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY },
    Rsa { signature: alg_id::RSA_PKCS1_SHA256, parameters: &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY },
    Rsa { signature: alg_id::RSA_PKCS1_SHA512, parameters: &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY },
];

/// Those of rustls come last: the first that fits decides.
static ALL: LazyLock<Vec<&'static dyn SignatureVerificationAlgorithm>> = LazyLock::new(|| {
    let usual = default::default_provider().signature_verification_algorithms.all;
    LEGACY.iter().map(|rsa| rsa as &dyn SignatureVerificationAlgorithm).chain(usual.iter().copied()).collect()
});

/// The usual cryptography, which takes these signatures on certificates too.
pub(super) fn provider() -> CryptoProvider {
    let usual = default::default_provider();
    let mapping = usual.signature_verification_algorithms.mapping;
    CryptoProvider { signature_verification_algorithms: WebPkiSupportedAlgorithms { all: &ALL, mapping }, ..usual }
}
