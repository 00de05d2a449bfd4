"""Policies are judged as IAM judges them, and where a condition or something unread decides, that is the answer."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apprunner_watcher.access import (
    BUILD_SERVICE,
    TASKS_SERVICE,
    Policy,
    Role,
    Simulated,
    granted,
    policy,
    said,
    secret_arn,
)
from apprunner_watcher.missing import Missing

ARN = "arn:aws:iam::123456789012:role/app"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
READ = "secretsmanager:GetSecretValue"
SERVICE = {"Service": TASKS_SERVICE}
ASSUME = {"Effect": "Allow", "Principal": SERVICE, "Action": "sts:AssumeRole"}
UNREAD = Missing("the secret's policy", "access denied")


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role(*trust: dict[str, Any], **fields: Any) -> Role:
    return Role(arn=ARN, name="app", trust=policy("trust policy", document(*trust)), **fields)


@pytest.mark.parametrize(
    ("statements", "trusts"),
    [
        ([ASSUME], "yes"),
        ([ASSUME | {"Principal": {"Service": [BUILD_SERVICE, TASKS_SERVICE]}}], "yes"),
        ([ASSUME | {"Principal": "*"}], "yes"),
        ([ASSUME | {"Action": ["sts:TagSession", "sts:Assume*"]}], "yes"),
        ([ASSUME | {"Action": "*"}], "yes"),
        ([ASSUME | {"Action": "STS:assumerole"}], "yes"),
        ([], "no"),
        ([ASSUME | {"Principal": {"Service": BUILD_SERVICE}}], "no"),
        ([ASSUME | {"Principal": {"AWS": "*"}}], "no"),
        ([ASSUME | {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}], "no"),
        ([ASSUME | {"Action": "sts:TagSession"}], "no"),
        ([ASSUME, ASSUME | {"Effect": "Deny"}], "no"),
        ([ASSUME | {"Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}], "could not judge"),
        ([ASSUME | {"Condition": {"Bool": {"x": "y"}}}, ASSUME], "yes"),
        ([ASSUME, ASSUME | {"Effect": "Deny", "Condition": {"Bool": {"x": "y"}}}], "could not judge"),
        ([{"Effect": "Allow", "NotPrincipal": SERVICE, "Action": "sts:AssumeRole"}], "could not judge"),
        ([{"Effect": "Allow", "Principal": SERVICE, "NotAction": "sts:TagSession"}], "could not judge"),
        ([{"Effect": "Allow", "Principal": 3, "Action": "*"}], "could not judge"),
        ([{"Principal": "*", "Action": "*"}], "could not judge"),
    ],
)
def test_a_trust_policy_names_who_may_assume_the_role(statements: list[dict[str, Any]], trusts: str) -> None:
    assert role(*statements).trusts(TASKS_SERVICE) == trusts


def test_the_services_that_a_role_trusts_without_a_condition() -> None:
    conditional = ASSUME | {"Principal": {"Service": BUILD_SERVICE}, "Condition": {"Bool": {"x": "y"}}}
    assert role(ASSUME, conditional).trusted_services == (TASKS_SERVICE,)


def test_a_role_that_does_not_exist_trusts_nobody_and_may_do_nothing() -> None:
    gone = role(ASSUME, exists=False, permissions=(Simulated("a:B", "*", "allowed"),))
    assert (gone.trusts(TASKS_SERVICE), gone.may("a:B", "*")) == ("no", "no")


def test_a_document_may_be_decoded_or_json_or_encoded_and_have_one_statement() -> None:
    text = json.dumps(document(ASSUME))
    forms = [document(ASSUME), text, f"\n {text}", quote(text), json.dumps({"Statement": ASSUME})]
    assert len({policy("p", form) for form in forms}) == 1
    assert policy("p", text).statements


@pytest.mark.parametrize("broken", [None, "", "{", "[]", 3, {}, {"Statement": 3}, {"Statement": ["x"]}, "[" * 100_000])
def test_a_document_that_is_not_understood_cannot_be_judged(broken: object) -> None:
    assert policy("p", broken) == Policy("p", None)
    assert said(Policy("p", None), (), "a:B") == "could not judge"


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ({"Action": READ, "Resource": SECRET}, "allow"),
        ({"Action": "secretsmanager:*", "Resource": "*"}, "allow"),
        ({"Action": READ, "Resource": [f"{SECRET[:-6]}??????"]}, "allow"),
        ({"Action": READ, "Resource": f"{SECRET[:-6]}?????"}, "silent"),
        ({"Action": READ, "Resource": SECRET.upper()}, "silent"),
        ({"Action": READ, "Resource": f"{SECRET[:-1]}[f]"}, "silent"),
        (
            {"Action": READ, "Resource": "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/app}-*"},
            "could not judge",
        ),
        ({"Action": READ, "NotResource": "x"}, "could not judge"),
        ({"Action": "ssm:GetParameters", "Resource": "*"}, "silent"),
    ],
)
def test_wildcards_fit_as_in_iam(statement: dict[str, Any], word: str) -> None:
    assert said(policy("p", document({"Effect": "Allow", **statement})), (), READ, SECRET) == word


def test_many_wildcards_take_no_time() -> None:
    pattern = {"Effect": "Allow", "Action": READ, "Resource": "*a" * 500 + "b"}
    assert said(policy("p", document(pattern)), (), READ, "a" * 2000) == "silent"


def inline(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"inline_policies": (policy("own", document(*statements)),)}


SIGN_IN = "ecr:GetAuthorizationToken"
ALLOW_ALL = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
ALLOW_ONE = ALLOW_ALL | {"Resource": "arn:aws:ecr:us-east-1:123456789012:repository/app"}


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        ({"permissions": (Simulated(SIGN_IN, "*", "allowed"),)}, "yes"),
        ({"permissions": (Simulated(SIGN_IN, "*", "implicitDeny"),)}, "no"),
        ({"permissions": (Simulated(SIGN_IN, "*", "explicitDeny"),)}, "no"),
        ({"permissions": (Simulated(SIGN_IN, "*", "implicitDeny", needs_context=True),)}, "could not judge"),
        ({"permissions": (Simulated(SIGN_IN, "other", "allowed"),)}, "no"),
        (inline(ALLOW_ALL), "yes"),
        (inline(ALLOW_ONE), "no"),
        (inline(ALLOW_ALL, ALLOW_ALL | {"Effect": "Deny"}), "no"),
        (inline(ALLOW_ALL) | {"has_boundary": True}, "could not judge"),
        (inline(ALLOW_ALL | {"Condition": {"Bool": {"x": "y"}}}), "could not judge"),
        (inline(ALLOW_ONE) | {"policies": ("arn:aws:iam::aws:policy/X",)}, "could not judge"),
        (inline(ALLOW_ONE) | {"policies": UNREAD}, "could not judge"),
        (inline(ALLOW_ALL | {"Effect": "Deny"}) | {"policies": UNREAD}, "no"),
        ({"inline_policies": UNREAD, "permissions": UNREAD}, "could not judge"),
        (inline(ALLOW_ALL) | {"permissions": UNREAD}, "yes"),
    ],
)
def test_what_a_role_may_do_is_simulated_else_read(fields: dict[str, Any], may: str) -> None:
    assert role(**fields).may(SIGN_IN, "*") == may


def of_secret(**statement: Any) -> Policy:
    return policy("its policy", document({"Effect": "Allow", "Action": READ, "Resource": "*", **statement}))


@pytest.mark.parametrize(
    ("decision", "of_resource", "judgement"),
    [
        ("allowed", UNREAD, "yes"),
        ("explicitDeny", of_secret(Principal="*"), "no"),
        ("implicitDeny", Policy("its policy", ()), "no"),
        ("implicitDeny", UNREAD, "could not judge"),
        ("implicitDeny", of_secret(Principal={"AWS": ARN}), "yes"),
        ("implicitDeny", of_secret(Principal={"AWS": ["x", ARN]}, Resource=SECRET), "yes"),
        ("implicitDeny", of_secret(Principal={"AWS": "*"}), "yes"),
        ("implicitDeny", of_secret(Principal="*"), "yes"),
        ("implicitDeny", of_secret(Principal={"AWS": f"{ARN}2"}), "no"),
        # the account as principal only leaves it to the role's own policies
        ("implicitDeny", of_secret(Principal={"AWS": "arn:aws:iam::123456789012:root"}), "no"),
        ("implicitDeny", of_secret(Principal="*", Condition={"Bool": {"x": "y"}}), "could not judge"),
        ("implicitDeny", of_secret(NotPrincipal={"AWS": "x"}), "could not judge"),
        ("implicitDeny", Policy("its policy", None), "could not judge"),
    ],
)
def test_what_simulation_denies_the_resource_may_allow(
    decision: str, of_resource: Policy | Missing, judgement: str
) -> None:
    answer, because = granted(Simulated(READ, SECRET, decision), of_resource, ARN)
    assert answer == judgement
    assert READ in because


def test_a_guess_of_the_simulation_and_none_at_all_cannot_be_judged() -> None:
    guess = Simulated(READ, SECRET, "explicitDeny", needs_context=True)
    assert granted(guess, UNREAD, ARN)[0] == "could not judge"
    assert granted(UNREAD, UNREAD, ARN) == ("could not judge", "access denied")


def test_a_secret_is_cut_to_its_arn() -> None:
    assert secret_arn(f"{SECRET}:password::") == SECRET
    assert secret_arn(f"{SECRET}:password:AWSCURRENT:1") == SECRET
    assert secret_arn(SECRET) == SECRET


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["*", "Allow", "Deny", "sts:AssumeRole"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["Statement", "Effect", "Principal", "Action", "Resource", "AWS"]), inner)
        ),
    )
)
def test_no_document_is_too_strange(strange: object) -> None:
    assert said(policy("p", strange), [("AWS", ARN)], READ, SECRET) in {"allow", "deny", "silent", "could not judge"}
