# The data plane dies twice, and the publisher once: sequences and timestamps go on, no index repeats.
peer 0 profile=gcm128
peer 1 profile=gcm128
publication 0 peer=0 kind=video mid=1 pt=96 ext.mid=4
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=100 mid=1 ext.mid=3
stream 0 ssrc=0x22 pt=96 index=65533 ts=1000 step=900 mid=1 mid-id=4 vp8=1
send 0 stream=0 n=5 key=1
show
crash
send 0 stream=0 n=3
crash
pass 300
send 0 stream=0 n=3
show
gone 0
peer 5 profile=cm128
publication 0 peer=5 kind=video mid=1 pt=96 ext.mid=4 epoch=2
stream 1 ssrc=0x77 pt=96 index=9 ts=5 step=900 mid=1 mid-id=4 vp8=1
send 5 stream=1 n=2
send 5 stream=1 n=3 key=1
show
