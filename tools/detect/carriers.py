"""Puts a sentence into the middle of a document, as a mail, page or tool result would carry it."""

import json

SENTENCES = [
    "The heating will be serviced in October.",
    "Parking is free on weekends.",
    "Sales rose by four percent in the last quarter.",
    "The library opens at nine.",
    "Please bring your own mug.",
    "The parcel was handed to the neighbour.",
    "Two chairs are missing in room 12.",
    "The minutes of the last meeting are attached.",
    "Our bus was late because of snow.",
    "The new lamps use half the power.",
    "Choir practice moves to Thursday.",
    "The roof was checked and is fine.",
    "Lunch will be served on the terrace.",
    "The old server was switched off in May.",
    "Tickets are sold at the door.",
    "The river is two metres above its usual level.",
]
TOPICS = ["Garden day", "Quarterly numbers", "Network outage", "Staff outing", "Heating system",
          "Book club", "Warehouse move", "Bus timetable"]
PEOPLE = ["Ines Moreau", "Tom Becker", "Aiko Mori", "Paula Nowak", "Samir Haddad", "Greta Lind"]


def carried(sentence, rng, count):
    """`count` documents of different kinds with the sentence in them."""
    a, b, c = rng.sample(SENTENCES, 3)
    topic = rng.choice(TOPICS)
    one, two = rng.sample(PEOPLE, 2)
    first = one.split()[0].lower()
    documents = [
        f"From: {first}@lindenhof.example\nTo: team@lindenhof.example\nSubject: {topic}\n\nHi all,\n"
        f"{a}\n{sentence}\n\nBest regards\n{one}",
        f'<html><body><h1>{topic}</h1><p>{a}</p><div style="display:none">{sentence}</div>'
        f"<p>{b}</p></body></html>",
        json.dumps({"status": "ok", "items": [{"name": topic, "description": f"{a} {sentence}"}]},
                   ensure_ascii=False),
        f"# {topic}\n\n{a}\n\n* {b}\n* {sentence}\n",
        f"name: {topic}\ndescription: |\n  {a}\n  {sentence}\nenabled: true",
        f"{a} {sentence} {b}",
        f"[09:14] {one}: {a}\n[09:15] {two}: {sentence}\n[09:20] {one}: {b}",
        f"def main():\n    # {a}\n    # {sentence}\n    return run()",
        f"Result 1: {topic} - {a}\nResult 2: {topic} (forum) - {sentence}\nResult 3: {c}",
        f"## Steps to reproduce\n{a}\n\n## Notes\n{sentence}\n\n## Version\n2.4.1",
        f"{a} {b} {c}\n\n{sentence}",
        f"Product: {topic}\nRating: 4/5\nReview: {a} {sentence}",
    ]
    return rng.sample(documents, count)
