#!/bin/bash
# As in tensorflow/serving: the server is a child of this shell, which passes no signal on.
tensorflow_model_server --port=8500 --rest_api_port=8501 \
    --model_name="${MODEL_NAME}" --model_base_path="${MODEL_BASE_PATH}/${MODEL_NAME}" "$@"
