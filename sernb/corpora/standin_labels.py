"""The label files beside a stand-in's recordings, each in the form in which its corpus is published.

Every writer has the same arguments: the corpus's root, its plan, the spoken lines as (line, start, end) with seconds
within the recording, and a generator of its own, so that labels never change what was spoken.
"""

import csv
import re
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path

import numpy as np

#: Valence, activation and dominance on a scale of 1…5.
AFFECT = {
    "neutral": (3.0, 2.7, 3.0), "anger": (1.8, 3.9, 4.0), "happiness": (4.1, 3.4, 3.3), "excitement": (4.2, 3.9, 3.5),
    "sadness": (2.0, 2.2, 2.5), "frustration": (2.2, 3.1, 3.3), "surprise": (3.2, 3.8, 3.0), "fear": (2.1, 3.6, 2.2),
    "disgust": (2.1, 3.0, 3.4), "contempt": (2.4, 2.8, 3.6), "other": (3.0, 3.0, 3.0),
}  # fmt: skip


def emodb(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """The listening test: the share of listeners who recognised the emotion, with decimal commas."""
    lines = ["Nr.\tSatz\terkannt\tnatuerlich"]
    for i, file in enumerate(sorted((root / "wav").iterdir())):
        share = f"{5 * generator.integers(16, 21):.2f}".replace(".", ",")
        lines.append(f"{i + 1}\t{file.name}\t{share}\t{share}")
    (root / "erkennung.txt").write_text("\n".join(lines) + "\n", encoding="latin-1")


def crema_d(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """The actors, and the votes of those who only heard, only saw, or saw and heard: by voice alone, half of what is
    acted passes for neutral (in the published table more), as it is spoken here."""
    with _csv(root / "VideoDemographics.csv", quoting=csv.QUOTE_NONNUMERIC) as write:
        write(["ActorID", "Age", "Sex", "Race", "Ethnicity"])
        for name, gender in plan.speakers:
            write([int(name), int(generator.integers(20, 75)), gender.title(), "Unknown", "Not Hispanic"])
    with _csv(root / "processedResults" / "summaryTable.csv", quoting=csv.QUOTE_ALL) as write:
        kinds = ("Voice", "Face", "MultiModal")
        write(["", "FileName", *(kind + what for kind in kinds for what in ("Vote", "Level"))])
        for number, (line, _, _) in enumerate(sorted(spoken, key=lambda s: s[0].file), 1):
            acted, least = line.code[0], {"ANG": 0.5, "SAD": 0.7}.get(line.code, 0.6)
            heard = acted if line.share > least + 0.03 else "N"
            if abs(line.share - least) <= 0.03:
                heard = ":".join(sorted((acted, "N")))  # as many for the one as for the other
            elif generator.uniform() < 0.08:
                heard = str(generator.choice(list("ADFHNS")))
            levels = [f"{generator.uniform(40, 95):.2f}" for _ in kinds]
            votes = zip((heard, acted, acted), levels, strict=True)
            write([number, Path(line.file).stem, *(cell for vote in votes for cell in vote)])


def epst(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """A transcript per recording: start, end, channel, category, words."""
    transcripts = defaultdict(list)
    for line, start, end in spoken:
        words = plan.texts[line.text].rstrip(".")
        transcripts[line.file].append(f"{start:.2f} {end:.2f} A: {line.code}, {words}\n")
    for file, lines in transcripts.items():
        (root / file).with_suffix(".txt").write_text("".join(lines), encoding="utf-8")


def iemocap(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """Per dialogue its turns in time, each with three annotators' words, sometimes two in one line, the actor's own
    in improvised ones, and two annotators' valence, activation and dominance."""
    words = {
        "anger": "Anger", "happiness": "Happiness", "excitement": "Excited", "neutral": "Neutral",
        "sadness": "Sadness", "frustration": "Frustration", "surprise": "Surprise", "fear": "Fear",
    }  # fmt: skip
    dialogues = defaultdict(list)
    for line, start, end in spoken:
        stem = Path(line.file).stem
        dialogue, turn = stem.rsplit("_", 1)
        dialogues[dialogue].append((turn[1:], turn[0], stem, line, end - start))
    for dialogue, turns in sorted(dialogues.items()):
        now, parts = 0.0, ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"]
        for _, letter, stem, line, seconds in sorted(turns, key=lambda turn: turn[:2]):
            start = now + generator.uniform(0.2, 2.5)
            now = start + seconds
            votes = votes_of(line, 3, list(words), line.code != "xxx", generator)
            lines = [f"C-E{i}:\t{words[vote]};" for i, vote in enumerate(votes, 2)]
            if len(set(votes)) == 1 and generator.uniform() < 0.2:
                lines[0] += f" {words[line.mixed]};"
            if "impro" in dialogue:
                own = line.emotion if generator.uniform() < 0.4 + 0.5 * line.share else line.mixed
                lines.append(f"C-{letter}1:\t{words[own]};")
            lines = [f"{text}\t()" for text in lines]
            ratings = affect(line, 2, 5, generator)
            for i, (v, a, d) in enumerate(ratings, 3):
                lines.append(f"A-E{i}:\tval {v}; act {a}; dom  {d};\t()")
            mean = ", ".join(f"{x:.4f}" for x in ratings.mean(axis=0))
            parts.append(
                f"[{start:.4f} - {now:.4f}]\t{stem}\t{line.code}\t[{mean}]\n" + "\n".join(lines) + "\n"
            )
        folder = root / f"Session{int(dialogue[3:5])}" / "dialog" / "EmoEvaluation"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{dialogue}.txt").write_text("\n".join(parts), encoding="utf-8")


def msp_podcast(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """The consensus of five to seven annotators, and each of their votes."""
    words = {
        "anger": "Angry", "sadness": "Sad", "happiness": "Happy", "surprise": "Surprise", "fear": "Fear",
        "disgust": "Disgust", "contempt": "Contempt", "neutral": "Neutral", "other": "Other",
    }  # fmt: skip
    genders, names = dict(plan.speakers), [name for name, _ in plan.speakers]
    splits = {name: split for split, first, last in plan.splits for name in names[first:last]}
    consensus, detailed = root / "Labels" / "labels_consensus.csv", root / "Labels" / "labels_detailed.csv"
    with _csv(consensus) as write, _csv(detailed) as write_vote:
        attributes = ["EmoAct", "EmoVal", "EmoDom"]
        write(["FileName", "EmoClass", *attributes, "SpkrID", "Gender", "Split_Set"])
        write_vote(["FileName", "Workers", "EmoClass_Major", "EmoClass_Second", *attributes])
        for line, _, _ in sorted(spoken, key=lambda s: s[0].file):
            file, number = Path(line.file).name, int(generator.integers(5, 8))
            votes = votes_of(line, number, list(words), line.code != "X", generator)
            ratings = affect(line, number, 7, generator)[:, [1, 0, 2]]
            unknown = line.speaker.startswith("Unknown")
            person = ["Unknown"] * 2 if unknown else [line.speaker, genders[line.speaker].title()]
            write(
                [file, line.code, *(f"{x:.4f}" for x in ratings.mean(axis=0)), *person, splits[line.speaker]]
            )
            for vote, rating in zip(votes, ratings, strict=True):
                second = (
                    {words[vote]: 0, words[line.mixed]: 0} if generator.uniform() < 0.5 else [words[vote]]
                )
                worker = f"WORKER{generator.integers(1, 60):08d}"
                write_vote([file, worker, words[vote], ",".join(second), *rating])


def meld(root: Path, plan, spoken: list, generator: np.random.Generator) -> None:
    """A table per split, scene by scene."""
    header = (
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
    )
    for split, folder in plan.folders.items():
        lines = [
            (*map(int, re.findall(r"\d+", Path(s[0].file).stem)), *s) for s in spoken if folder in s[0].file
        ]
        # As in the download: training's table lies in training's own folder.
        table = root / ("train" if split == "train" else "") / f"{split}_sent_emo.csv"
        with _csv(table) as write:
            write(header.split(","))
            last = None
            for number, (scene, turn, line, start, end) in enumerate(sorted(lines, key=lambda x: x[:2]), 1):
                if scene != last:
                    last, now = scene, generator.uniform(60, 1200)
                    place = [int(generator.integers(1, 11)), int(generator.integers(1, 25))]
                now += generator.uniform(0.1, 1.0)
                times = [_clock(now), _clock(now + end - start)]
                now += end - start
                feeling = {"neutral": "neutral", "joy": "positive"}.get(line.code, "negative")
                if line.code == "surprise":
                    feeling = str(generator.choice(["positive", "negative"]))
                text = plan.texts[line.text]
                write([number, text, line.speaker, line.code, feeling, scene, turn, *place, *times])


def votes_of(line, number: int, emotions: list, agreed: bool, generator: np.random.Generator) -> list[str]:
    """What each of `number` annotators chose: the line's emotion by its share, else the one mixed in, rarely another;
    drawn again until the first of the vote is the line's emotion (`agreed`), or no emotion is first."""
    while True:
        votes = [line.emotion if generator.uniform() < line.share else line.mixed for _ in range(number)]
        votes = [str(generator.choice(emotions)) if generator.uniform() < 0.08 else vote for vote in votes]
        (first, most), *others = Counter(votes).most_common()
        alone = not others or most > others[0][1]
        if (alone and first == line.emotion) if agreed else not alone:
            return votes


def affect(line, number: int, top: int, generator: np.random.Generator) -> np.ndarray:
    """Ratings (number, 3) of valence, activation and dominance, whole numbers in 1…top."""
    mean = line.share * np.array(AFFECT[line.emotion]) + (1 - line.share) * np.array(AFFECT[line.mixed])
    scaled = 1 + (mean - 1) * (top - 1) / 4
    return np.clip(np.round(generator.normal(scaled, 0.15 * top, size=(number, 3))), 1, top).astype(int)


@contextmanager
def _csv(path, **options):
    """`with _csv(path) as write`: a row per call."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        yield csv.writer(file, lineterminator="\n", **options).writerow


def _clock(seconds):
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d},{rest:03d}"
