"""What runs networks: OpenVINO or PyTorch, in batches that threads share."""
