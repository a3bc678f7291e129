# A subscriber pauses, a publisher pauses, a codec that nobody took, keys that change.
peer 0 profile=cm128
peer 1 profile=gcm256
publication 0 peer=0 kind=video mid=1 pt=96 ext.mid=4
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=100 mid=1
stream 0 ssrc=0x22 pt=96 index=10 ts=1000 step=900 mid=1 mid-id=4 vp8=1
send 0 stream=0 n=2 key=1
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=100 mid=1 paused=1
send 0 stream=0 n=20
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=100 mid=1
send 0 stream=0 n=2
send 0 stream=0 n=2 key=1
show
publication 0 peer=0 kind=video mid=1 pt=96 ext.mid=4 paused=1
send 0 stream=0 n=5
publication 0 peer=0 kind=video mid=1 pt=96 ext.mid=4
send 0 stream=0 n=2 key=1
show
rekey 1 epoch=2
send 0 stream=0 n=2 key=1
show
