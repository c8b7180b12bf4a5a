"""From what a network says to events, in numpy: the same code behind torch and onnxruntime."""
