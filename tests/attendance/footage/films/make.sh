#!/bin/sh -e
# Ten seconds of a test picture in each form that recorders write, with Debian's ffmpeg.
film() { ffmpeg -v error -y -f lavfi -i testsrc=size=64x48:rate=2:duration=10 "$@"; }
h264="-c:v libx264 -pix_fmt yuv420p"
film $h264 index_behind.mp4
film $h264 -movflags +faststart index_before.mp4
film $h264 -g 4 -movflags frag_keyframe+empty_moov fragments.mp4
film -c:v libx265 -x265-params log-level=none -tag:v hvc1 h265.mp4
film -c:v mpeg4 mpeg4.mp4
film $h264 plain.mkv
film -c:v libx265 -x265-params log-level=none h265.mkv
film $h264 -f matroska -live 1 live.mkv
film -c:v mjpeg -q:v 20 other.avi
ffmpeg -v error -y -f lavfi -i sine=duration=10:sample_rate=8000 -c:a aac -b:a 8k sound_only.mp4
