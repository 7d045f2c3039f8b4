"""Left and right keypoints are told by their names, however they are written; what is not told is not guessed."""

import pytest

from strongpose.skeletons import load_skeleton, packaged_skeletons
from strongpose.skeletons.sides_by_name import sides_by_name


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *[("left_eye", "right_eye"), ("leftEye", "rightEye"), ("LeftEye", "RightEye"), ("left eye", "right eye")],
        *[("Left_Eye", "Right_Eye"), ("left-eye", "right-eye"), ("eye_left", "eye_right"), ("eyeLeft", "eyeRight")],
        *[("l_eye", "r_eye"), ("L_Eye", "R_Eye"), ("lEye", "rEye"), ("LEye", "REye"), ("eye_l", "eye_r")],
        *[("eye.L", "eye.R"), ("Eye-L", "Eye-R"), ("LEFT EYE", "RIGHT EYE"), ("lefteye", "righteye"), ("Leye", "Reye")],
        *[("eyeleft", "eyeright"), ("eye (left)", "eye (right)"), ("KneeL", "KneeR"), ("left2", "right2")],
        *[("front_left_paw", "front_right_paw"), ("L_F_Paw", "R_F_Paw"), ("LBigToe", "RBigToe"), ("L1", "R1")],
        *[("left_eye_right_corner", "right_eye_left_corner"), ("leftEye", "right_eye"), ("l_eye", "right eye")],
        *[("left_eye", "eye_right"), ("LT_Eye", "RT_Eye"), ("left", "right"), ("l", "r")],
        *[("FL_paw", "FR_paw"), ("paw_bl", "paw_br"), ("RL", "RR"), ("LF-hoof1", "RF-hoof1"), ("tl", "tr")],
        *[("port_wing", "starboard_wing"), ("linkes_auge", "rechtes_auge"), ("Knie links", "Knie rechts")],
        *[("main_gauche", "main_droite"), ("œil_gauche", "œil_droit"), ("épaule_gauche", "épaule_droite")],
        *[("ojo_izquierdo", "ojo_derecho"), ("mano_izq", "mano_der"), ("occhio_sinistro", "occhio_destro")],
        *[("lewy_łokieć", "prawy_łokieć"), ("левый_глаз", "правый_глаз"), ("左眼", "右眼"), ("왼쪽눈", "오른쪽눈")],
        *[("ｌｅｆｔ_eye", "ｒｉｇｈｔ_eye"), ("olho_esquerdo", "olho_direito")],
    ],
)
def test_sides_in_all_usual_spellings(left, right):
    assert sides_by_name(["nose", left, right]).pairs == ((1, 2),)
    assert sides_by_name([right, "nose", left]).pairs == ((2, 0),)
    assert sides_by_name([right, "nose", left]).flip_order == (2, 1, 0)


@pytest.mark.parametrize(
    "names",
    [
        ["nose", "neck"],
        ["leftover", "bright", "cleft", "upright", "rightful"],
        ["L5", "S1", "T12"],
        ["lip", "rip"],
        ["usb_port", "spitze_der_nase", "chain_links", "FL", "BR"],
        ["point"],
        [str(k) for k in range(17)],
        [],
    ],
)
def test_names_without_sides(names):
    sides = sides_by_name(names)
    assert (sides.pairs, sides.alone, sides.flip_order) == ((), (), None)


def test_a_side_without_the_other_is_not_guessed():
    sides = sides_by_name(["nose", "left_eye", "rightEar", "left_ear"])
    assert (sides.pairs, sides.alone) == (((3, 2),), ("left_eye",))
    assert sides.flip_order is None


def test_names_that_show_neither_a_side_nor_the_middle_are_doubtful():
    assert sides_by_name(["left_eye", "right_eye", "nose", "FL_paw", "FR_paw"]).flip_order == (1, 0, 2, 4, 3)
    assert sides_by_name(["left_eye", "right_eye", "FL_paw", "right_ear"]).doubtful == ("FL_paw",)
    names = ["left_eye", "right_eye", "Nose", "MidHip", "midback", "Spine1", "Root of tail", "head_top", "paw1"]
    assert sides_by_name(names).doubtful == ("paw1",)


def test_two_ways_of_naming_are_not_mixed_where_each_is_whole():
    names = ["elbow_l", "l_elbow", "r_elbow", "elbow_r", "left_elbow", "rightElbow"]
    assert sides_by_name(names).pairs == ((0, 3), (1, 2), (4, 5))
    assert sides_by_name(["left_eye", "eyeLeft", "right eye", "r_eye"]).pairs == ((0, 2), (1, 3))
    assert sides_by_name(["left_eye", "eyeLeft", "right_ear"]).pairs == ()


def test_the_packaged_skeletons():
    for name in packaged_skeletons():
        skeleton = load_skeleton(name)
        assert set(sides_by_name(skeleton.names).pairs) == set(skeleton.flip_pairs), name
