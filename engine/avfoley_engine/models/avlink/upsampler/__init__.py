"""The upsampler of AV-Link (Appx. B): from the small frames that the video backbone makes to 512x288 at 24 frames a second."""
