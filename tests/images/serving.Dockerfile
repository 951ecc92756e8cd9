# A stand-in for tensorflow/serving where no registry can be reached: the local model server in an image of the same
# ports, paths and variables. Built from this folder, on the stage `export` of tfserving/Dockerfile, which has TensorFlow.
ARG EXPORT
FROM $EXPORT
# The model has to come with the image that is built on this one.
RUN rm -rf /models
COPY tensorflow_model_server tf_serving_entrypoint.sh /usr/bin/
ENV MODEL_BASE_PATH=/models \
    MODEL_NAME=model \
    PYTHONDONTWRITEBYTECODE=1
EXPOSE 8500 8501
ENTRYPOINT ["/usr/bin/tf_serving_entrypoint.sh"]
