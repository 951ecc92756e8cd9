"""Writes the Helm chart from the kustomizations, which remain the only description of what is deployed."""
