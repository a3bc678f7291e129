# Two legs of a pair: each transport carries its peer's media up and the other's down, under one mid and one set of
# extension ids, and both peers use the same SSRC. RTCP of both roles arrives in one compound's transport.
peer 0 profile=gcm128 twcc=5
peer 1 profile=cm128 twcc=3
publication 0 peer=0 kind=audio mid=0 pt=111 ext.mid=4 ext.level=1
publication 1 peer=0 kind=video mid=1 pt=96 rtx=97 ext.mid=4 ext.twcc=5
publication 2 peer=1 kind=audio mid=0 pt=111 ext.mid=9 ext.level=2
publication 3 peer=1 kind=video mid=1 pt=120 rtx=121 ext.mid=9 ext.twcc=3
subscription 0 publication=0 peer=1 ssrc=0x80000001 pt=111 mid=0 ext.mid=9 ext.level=2
subscription 1 publication=1 peer=1 ssrc=0x80000002 rtx-ssrc=0x80000003 pt=120 rtx=121 nack=1 mid=1 ext.mid=9
subscription 2 publication=2 peer=0 ssrc=0x80000004 pt=111 mid=0 ext.mid=4 ext.level=1
subscription 3 publication=3 peer=0 ssrc=0x80000005 rtx-ssrc=0x80000006 pt=96 rtx=97 nack=1 mid=1 ext.mid=4
stream 0 ssrc=0x11 pt=111 index=65530 ts=1000 step=480 mid=0 mid-id=4 level-id=1 level=30
stream 1 ssrc=0x22 pt=96 index=100 ts=1000 step=900 mid=1 mid-id=4 twcc-id=5 vp8=1
stream 2 ssrc=0x11 pt=111 index=7 ts=9000 step=480 mid=0 mid-id=9 level-id=2 level=40
stream 3 ssrc=0x22 pt=120 index=800 ts=7000 step=900 mid=1 mid-id=9 twcc-id=3 vp8=1
send 0 stream=0 n=2
send 1 stream=2 n=2
send 0 stream=1 n=3 key=1
send 1 stream=3 n=3 key=1
sr 0 ssrc=0x22 ntp=1000 ts=5000
sr 1 ssrc=0x22 ntp=2000 ts=9000
show
# Each loses one packet towards us, which we ask for, and asks for a key frame of the other's.
send 0 stream=1 lost=1
send 0 stream=1 n=2
send 1 stream=3 lost=1
send 1 stream=3 n=2
pli 0 ssrc=0x80000005
pass 200
pli 1 ssrc=0x80000002
pass 1000
show
# One begins anew in its leg, then the data plane dies: both ways go on.
rekey 1 epoch=2
send 0 stream=1 n=2
send 1 stream=3 n=2
crash
pass 300
send 0 stream=1 n=2
send 1 stream=3 n=2
show
