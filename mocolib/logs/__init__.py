"""A reader's own log, judged: what `mocolib judge FILE` does.

from mocolib import logs

for log in logs.read("metrics.csv"):
    for sentence in logs.told(logs.judge(log)):
        print(sentence)
"""

from mocolib.logs.judged import Judged, judge
from mocolib.logs.log import Log, read
from mocolib.logs.telling import told
