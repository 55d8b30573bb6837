use super::*;
use proptest::prelude::*;

fn certificate() -> Certificate {
    Certificate {
        id: "apr_1".into(),
        org: "org_1".into(),
        environment: "production".into(),
        agent: "agent-1".into(),
        action_digest: hex::encode([3; 32]),
        policy_ids: vec!["pol_1".into(), "pol_2".into()],
        policy_set_hash: hex::encode([4; 32]),
        requester: "key_1".into(),
        approvers: vec![Approver {
            person: "per_1".into(),
            approved_at: 900,
        }],
        not_before: 1_000,
        expires_at: 2_000,
        max_uses: 1,
    }
}

fn signer() -> NamedSigner {
    NamedSigner::from_seed("writ.test/approvals", &[8; 32]).unwrap()
}

fn trusted() -> Vec<NamedVerifier> {
    vec![signer().verifier().clone()]
}

#[test]
fn a_signed_certificate_verifies_after_a_journey_as_json() {
    let signed = sign(certificate(), &signer()).unwrap();
    let sent = serde_json::to_string(&signed).unwrap();
    let read: SignedCertificate = serde_json::from_str(&sent).unwrap();
    assert_eq!(read.verify(&trusted()), Ok(&certificate()));
}

#[test]
fn every_changed_field_is_found() {
    let signed = sign(certificate(), &signer()).unwrap();
    let value = serde_json::to_value(&signed).unwrap();
    let fields: Vec<String> = value["certificate"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    for field in fields {
        let mut changed = value.clone();
        let slot = &mut changed["certificate"][&field];
        *slot = match slot.clone() {
            serde_json::Value::String(text) => format!("{text}x").into(),
            serde_json::Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
            serde_json::Value::Array(_) => serde_json::json!([]),
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Object(_) => {
                panic!("{field} has no change here")
            }
        };
        let changed: SignedCertificate = serde_json::from_value(changed).unwrap();
        assert_eq!(
            changed.verify(&trusted()),
            Err(CertificateRefusal::Tampered),
            "{field}"
        );
    }
}

#[test]
fn only_a_trusted_key_counts() {
    let signed = sign(certificate(), &signer()).unwrap();
    assert_eq!(signed.verify(&[]), Err(CertificateRefusal::Tampered));
    let stranger = NamedSigner::from_seed("writ.test/approvals", &[9; 32]).unwrap();
    assert!(signed.verify(&[stranger.verifier().clone()]).is_err());
    let forged = SignedCertificate {
        key_id: signed.key_id.clone(),
        ..sign(certificate(), &stranger).unwrap()
    };
    assert_eq!(forged.verify(&trusted()), Err(CertificateRefusal::Tampered));
}

#[test]
fn a_signature_without_the_label_is_no_certificate() {
    let plain = signer().sign(&canonical::to_vec(&certificate()).unwrap());
    let mut signed = sign(certificate(), &signer()).unwrap();
    signed.signature = BASE64.encode(plain);
    assert_eq!(signed.verify(&trusted()), Err(CertificateRefusal::Tampered));
}

#[test]
fn it_is_good_for_its_act_in_its_time() {
    let certificate = certificate();
    let refusal = |digest: u8, now| certificate.check(&[digest; 32], now).err();
    assert_eq!(refusal(3, 1_000), None);
    assert_eq!(refusal(3, 1_999), None);
    assert_eq!(refusal(3, 999), Some(CertificateRefusal::NotYetValid));
    assert_eq!(refusal(3, 2_000), Some(CertificateRefusal::Expired));
    assert_eq!(refusal(4, 1_500), Some(CertificateRefusal::ActionMismatch));
    assert_eq!(refusal(4, 9_999), Some(CertificateRefusal::ActionMismatch));
    let broken = Certificate {
        action_digest: "zz".into(),
        ..certificate.clone()
    };
    assert_eq!(
        broken.check(&[3; 32], 1_500),
        Err(CertificateRefusal::ActionMismatch)
    );
    assert_eq!(
        CertificateRefusal::Expired.reason(),
        CertificateRefusal::Expired.to_string()
    );
}

proptest! {
    #[test]
    fn a_mutated_signature_is_refused(at in 0usize..64, bit in 0u8..8) {
        let mut signed = sign(certificate(), &signer()).unwrap();
        let mut bytes = BASE64.decode(&signed.signature).unwrap();
        bytes[at] ^= 1 << bit;
        signed.signature = BASE64.encode(bytes);
        prop_assert_eq!(signed.verify(&trusted()), Err(CertificateRefusal::Tampered));
    }
}
