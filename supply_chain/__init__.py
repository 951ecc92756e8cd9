"""What the images are made of: pinned packages, their licences, and a bill of materials per image."""
