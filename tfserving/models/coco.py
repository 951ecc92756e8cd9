"""The 80 kinds of objects of COCO, numbered as TensorFlow's detection models number them: 1 to 90, with gaps.

https://github.com/tensorflow/models/blob/master/research/object_detection/data/mscoco_label_map.pbtxt
"""

_NAMES = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, "
    "parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, "
    "handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, "
    "surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, "
    "broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, "
    "mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, "
    "teddy bear, hair drier, toothbrush"
)
# Numbers of objects that were planned and never annotated.
_UNUSED = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})

IDS = tuple(number for number in range(1, 91) if number not in _UNUSED)
LABELS = dict(zip(IDS, _NAMES.split(", "), strict=True))
