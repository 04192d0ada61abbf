from PySide6.QtCore import QTimer, QEventLoop
from engine.errors import SettingsError
from gui import app as app_module
from PySide6.QtWidgets import QMessageBox
def test_a(qapp):
    def answer():
        for w in qapp.topLevelWidgets():
            if isinstance(w,QMessageBox): w.close()
    QTimer.singleShot(0, answer)
    app_module._show_settings_error(qapp, SettingsError("a","b"))
def test_b(qapp, qtbot):
    hits=[]
    QTimer.singleShot(5, lambda: hits.append(1))
    l=QEventLoop(); QTimer.singleShot(50,l.quit); r=l.exec(); print("exec", r, hits)
    assert hits
