"""What the papers print, in shape and at points read off by eye."""

import pytest

from sernb import reported


@pytest.mark.parametrize(("number", "models"), [(2, 8), (3, 9), (5, 4), (6, 4)])
def test_tables_are_whole(number, models):
    table = reported.table("msac_sernet", number)
    assert list(table) == reported.COLUMNS and len(table) == 2 * models
    assert table["value"].dropna().between(0, 100).all()
    missing = table[table["value"].isna()]
    assert (missing["note"] == "not given").all()


def test_points_of_the_printed_tables():
    assert reported.values("msac_sernet", 6, "Base") == {"UAR": 80.48, "WAR": 85.71}
    ours, msac = reported.values("msac_sernet", 3, "Ours"), reported.values("msac_sernet", 6, "Base+MSAC")
    assert ours == {"UAR": 92.11, "WAR": 93.21} and msac == {
        "UAR": 93.21,
        "WAR": 92.11,
    }  # printed the other way round
    with pytest.raises(KeyError, match="no 'Basis'"):
        reported.values("msac_sernet", 6, "Basis")
    with pytest.raises(FileNotFoundError, match="msac_sernet_table_2"):
        reported.table("msac_sernet", 99)
