#!/usr/bin/env python3
"""Makes the data of `silo demo` from the German credit data set.

    python3 make.py german_credit.csv

The input is UCI Statlog German Credit (Hofmann 1994, CC BY 4.0) with a header, the category codes
spelled out and the label named `bad`. The output is the same on every machine: the three data files
and the three prediction files beside this script.
"""
import csv
import datetime
import hashlib
import pathlib
import random
import sys

INPUT_SHA256 = "f59361f17b122aeaaab4749db3b44691afa0045bccd922ff10dc90540e92c5d7"
HERE = pathlib.Path(__file__).parent
APPLICANTS = 50  # of the 1,000 people, kept out of training and scored at the end

# For each party: how it calls the person number, the family name and the birth date; its columns
# as (name here, name in the source); how many of the customers and applicants it knows; how many
# people nobody else knows.
PARTIES = {
    "bank": {
        "ids": ("person_number", "family_name", "born"),
        "columns": [
            ("duration_months", "duration_in_month"),
            ("purpose", "purpose"),
            ("credit_amount", "credit_amount"),
            ("installment_rate", "installment_rate_in_percentage_of_disposable_income"),
            ("existing_credits", "number_of_existing_credits_at_this_bank"),
        ],
        "label": "bad",
        "knows": (880, 46),
        "strangers": 40,
    },
    "insurer": {
        "ids": ("insured_no", "name", "birth_date"),
        "columns": [
            ("checking_account", "status_of_existing_checking_account"),
            ("savings", "savings_account_and_bonds"),
            ("property", "property"),
            ("housing", "housing"),
            ("age", "age_in_years"),
            ("personal_status", "personal_status_and_sex"),
            ("dependants", "number_of_people_being_liable_to_provide_maintenance_for"),
            ("guarantors", "other_debtors_or_guarantors"),
        ],
        "knows": (865, 45),
        "strangers": 35,
    },
    "telecom": {
        "ids": ("subscriber", "surname", "dob"),
        "columns": [
            ("payment_history", "credit_history"),
            ("landline", "telephone"),
            ("residence_since", "present_residence_since"),
            ("employment_since", "present_employment_since"),
            ("occupation", "job"),
            ("foreign_worker", "foreign_worker"),
            ("other_installments", "other_installment_plans"),
        ],
        "knows": (850, 44),
        "strangers": 30,
    },
}
# A person number is unknown for one row in fifty: such people are found by name and birth date.
WITHOUT_NUMBER = 0.02
SYLLABLES = ("ba be bo da de do fa fe ga ge ka ke ko la le lo ma me mo na ne no "
             "pa pe ra re ro sa se so ta te to va ve wa we zo").split()
ENDINGS = "rd rn lt nd sk ss".split()


def numbers(rng, count):
    return [f"{n:08d}" for n in rng.sample(range(10_000_000, 99_999_999), count)]


def surname(rng):
    return "".join(rng.choice(SYLLABLES) for _ in range(3)).capitalize() + rng.choice(ENDINGS)


def birth_date(rng, age):
    """A day in the year that fits the age when the data were collected."""
    return datetime.date(1994 - age, 1, 1) + datetime.timedelta(days=rng.randrange(365))


def number_text(party, number, rng):
    if rng.random() < WITHOUT_NUMBER:
        return ""
    left, right = number[:4], number[4:]
    return {
        "bank": f"PN-{left}-{right}",
        "insurer": f"pn {left} {right}",
        "telecom": rng.choice([f"PN{left}{right}", f"pn{left}/{right}"]),
    }[party]


def name_text(party, name, rng):
    return {
        "bank": name,
        "insurer": name.upper(),
        "telecom": rng.choice([name.lower(), name + " "]),
    }[party]


def date_text(party, day):
    return day.strftime({"bank": "%Y-%m-%d", "insurer": "%d.%m.%Y", "telecom": "%d/%m/%Y"}[party])


def rows_of(party, people, rng, label):
    spec = PARTIES[party]
    header = list(spec["ids"]) + [name for name, _ in spec["columns"]]
    if label:
        header.append(label)
    yield header
    for person in people:
        row = [
            number_text(party, person["number"], rng),
            name_text(party, person["name"], rng),
            date_text(party, person["born"]),
        ]
        row += [person["values"][source] for _, source in spec["columns"]]
        if label:
            row.append(person["values"][label])
        yield row


def write(file, rows):
    with open(HERE / file, "w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)


def main():
    raw = pathlib.Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(raw).hexdigest() != INPUT_SHA256:
        sys.exit("this is not the file that the demo was made from")
    records = list(csv.DictReader(raw.decode("utf-8").splitlines()))
    rng = random.Random("espalier demo 1")
    strangers = sum(spec["strangers"] for spec in PARTIES.values())
    # Strangers are bootstrapped: drawn again from the records, under identities of their own.
    values = records + [rng.choice(records) for _ in range(strangers)]
    people = [
        {
            "number": number,
            "name": surname(rng),
            "born": birth_date(rng, int(record["age_in_years"])),
            "values": record,
        }
        for number, record in zip(numbers(rng, len(values)), values)
    ]
    if len({(p["name"], p["born"]) for p in people}) != len(people):
        sys.exit("two people share name and birth date: change the seed")
    known, unknown = people[: len(records)], people[len(records):]
    rng.shuffle(known)
    applicants, customers = known[:APPLICANTS], known[APPLICANTS:]
    for party, spec in PARTIES.items():
        own, unknown = unknown[: spec["strangers"]], unknown[spec["strangers"]:]
        trained = rng.sample(customers, spec["knows"][0]) + own
        rng.shuffle(trained)
        write(f"{party}.csv", rows_of(party, trained, rng, spec.get("label")))
        scored = rng.sample(applicants, spec["knows"][1])
        write(f"{party}.predict.csv", rows_of(party, scored, rng, None))


if __name__ == "__main__":
    main()
