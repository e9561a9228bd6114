# Copyright (c) 2026, the siptune authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

import pytest
from ansible_collections.siptune.linux.plugins.module_utils._sip.config_files import ConfigFiles
from ansible_collections.siptune.linux.plugins.module_utils._sip.freeswitch_config import switch_config

from .test_rtp_ports import config_files

CONF = "/etc/freeswitch"
SWITCH = f"{CONF}/autoload_configs/switch.conf.xml"
SET = '<X-PRE-PROCESS cmd="set" data="{}"/>\n'
INCLUDE = '<X-PRE-PROCESS cmd="include" data="{}"/>\n'
SETTINGS = '<configuration name="switch.conf"><settings>{}</settings></configuration>'
PARAM = '<param name="rtp-start-port" value="{}"/>'
OF_A = SETTINGS.format(PARAM.format("$${a}"))


def start_port(switch: str, **others: str) -> str | None:
    """The rtp-start-port, with other files beside: `vars` is vars.xml."""
    files = {SWITCH: switch, **{f"{CONF}/{name}.xml": text for name, text in others.items()}}
    return switch_config(["freeswitch"], config_files(files)).parameters.get("rtp-start-port")


@pytest.mark.parametrize(
    ("switch", "others", "expected"),
    [
        pytest.param(SETTINGS.format(PARAM.format(1)), {}, "1", id="plain"),
        pytest.param(SETTINGS.format('<param  value = "1" name="RTP-start-port" />'), {}, "1",
                     id="the other way round"),
        pytest.param(SETTINGS.format(PARAM.format(2) + PARAM.format(1)), {}, "1", id="the last one"),
        pytest.param(SETTINGS.format(f"<!-- {PARAM.format(2)} -- -->"), {}, None, id="a comment"),
        pytest.param(SETTINGS.format(f"<x>{PARAM.format(2)}</x>"), {}, None, id="of something else"),
        pytest.param(f'<?xml version="1.0"?>\n{SETTINGS.format(PARAM.format(1))}', {}, "1", id="a declaration"),
        pytest.param(SETTINGS.format(f'<param name="a" value="b&c"/>{PARAM.format(1)}'), {}, "1", id="an ampersand"),
        pytest.param(OF_A, {"vars": f"<include>\n{SET.format('a=1')}</include>"}, "1", id="a variable"),
        pytest.param(OF_A, {"vars": SET.format("a = 1 ")}, "1", id="blanks"),
        pytest.param(OF_A, {"vars": SET.format("b=1") + SET.format("a=$${b}")}, "1", id="a variable of a variable"),
        pytest.param(OF_A, {"vars": SET.format("a=2") + SET.format("a=1")}, "1", id="the last value"),
        pytest.param(OF_A, {"vars": f"<!-- {SET.format('a=1')} -->"}, "1", id="comments do not count there"),
        pytest.param(OF_A, {"vars": SET.format("a=1").replace("X-PRE", "X-NO-PRE")}, "$${a}", id="switched off"),
        pytest.param(OF_A, {"vars": SET.format("a=1").lower()}, "1", id="small letters"),
        pytest.param(OF_A, {"vars": SET.format("a=2") + SET.format("a=id").replace('"set', '"exec-set')}, "$${a}",
                     id="a program's"),
        pytest.param(OF_A, {"vars": INCLUDE.format("more.xml"), "more": SET.format("a=1")}, "1", id="included"),
        pytest.param(OF_A, {"vars": INCLUDE.format("$${conf_dir}/more.xml"), "more": SET.format("a=1")}, "1",
                     id="included by a variable"),
        pytest.param(OF_A, {"vars": INCLUDE.format("vars_*.xml"), "vars_1": SET.format("a=2"),
                            "vars_2": SET.format("a=1")}, "1", id="a glob"),
        pytest.param(OF_A, {"freeswitch": f"{INCLUDE.format('site.xml')}<section name='x'>{INCLUDE.format('late.xml')}",
                            "site": SET.format("a=1"), "late": SET.format("a=2"), "vars": SET.format("a=3")}, "1",
                     id="as freeswitch.xml includes"),
        pytest.param(SETTINGS.format(INCLUDE.format("ports.xml")), {"autoload_configs/ports": PARAM.format(1)}, "1",
                     id="a part of switch.conf.xml"),
        pytest.param(OF_A, {"vars": f"<include>{SET.format('a=1')}</include>"}, "$${a}", id="a line that is dropped"),
        pytest.param(SETTINGS.format(f"\n{PARAM.format(1)}\n{PARAM.format(2)}<!-- <?x?> -->\n"), {}, "1",
                     id="another one"),
    ],
)  # fmt: skip
def test_parameters(switch: str, others: dict[str, str], expected: str | None) -> None:
    assert start_port(switch, **others) == expected


def notes(switch: str, **others: str) -> str:
    files = config_files({SWITCH: switch, **{f"{CONF}/{name}.xml": text for name, text in others.items()}})
    switch_config(["freeswitch"], files)
    return " ".join(files.notes)


def test_what_is_said() -> None:
    assert "switch.conf.xml includes itself" in notes(SETTINGS.format(INCLUDE.format("switch.conf.xml")))
    assert "vars.xml includes gone.xml, which cannot be read" in notes(OF_A, vars=INCLUDE.format("gone.xml"))
    assert "no well-formed XML" in notes("<a><b></a>")


def test_variables_of_variables_do_not_grow_without_bounds() -> None:
    began = time.monotonic()
    lines = SET.format("a0=" + "x" * 1000)
    lines += "".join(SET.format(f"a{n}=" + f"$${{a{n - 1}}}" * 100) for n in range(1, 100))
    text = SETTINGS.format("$${a99}" * 100_000)
    files = ConfigFiles({SWITCH: text, f"{CONF}/vars.xml": lines}.get)
    assert switch_config(["freeswitch"], files).parameters == {}
    assert time.monotonic() - began < 5


def test_no_text_of_another_file_is_kept() -> None:
    secret = PARAM.format(INCLUDE.format("more.xml").strip())
    assert start_port(SETTINGS.format(secret), **{"autoload_configs/more": "root:$y$j9T$abc"}) == "no number"
    assert start_port(SETTINGS.format(PARAM.format("16384 "))) == "16384"


def test_entities_are_not_expanded() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 20))
    assert "document type" in notes(f"<!DOCTYPE x [<!ENTITY e0 'x'>{entities}]>{OF_A}")
    assert start_port(f"{SETTINGS.format('&e19;' + PARAM.format(1))}") == "1"
